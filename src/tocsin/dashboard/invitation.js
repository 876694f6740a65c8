// The token stands behind the #, which browsers send to nobody: it reaches the server in the body alone.
const form = document.getElementById("form");
const answer = document.getElementById("answer");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const fields = Object.fromEntries(new FormData(form));
  const response = await fetch("/api/v1/invitations/accept", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ ...fields, token: location.hash.slice(1) }),
  });
  const { isSuccess, message } = await response.json();
  answer.textContent = isSuccess ? "You belong to the workspace now. Log in to go on." : message;
  form.hidden = isSuccess;
});
