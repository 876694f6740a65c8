// The token stands behind the #, which browsers send to nobody: it reaches the server in the body alone.
const form = document.getElementById("claim");
const answer = document.getElementById("answer");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const fields = Object.fromEntries(new FormData(form));
  const response = await fetch("/api/v1/auth/register", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ ...fields, claimToken: location.hash.slice(1) }),
  });
  const { isSuccess, message } = await response.json();
  answer.textContent = isSuccess ? "The workspace is yours. Log in with POST /api/v1/auth/login." : message;
  form.hidden = isSuccess;
});
