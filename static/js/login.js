// Demo sign-ins: a press fills the form and sends it. Without script the names are there to be typed.
for (const button of document.querySelectorAll("[data-username]")) {
  button.addEventListener("click", () => {
    const form = document.getElementById("sign-in");
    form.elements.username.value = button.dataset.username;
    form.elements.password.value = button.dataset.password;
    form.requestSubmit();
  });
}
