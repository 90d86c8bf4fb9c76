import { mount } from "svelte";
import "./shell/theme.css";
import "./shell/parts.css";
import App from "./shell/App.svelte";
import { Session } from "./state/session.svelte.ts";

const target = document.getElementById("app");
if (target) {
  const session = new Session();
  mount(App, { target, props: { session } });
  void session.open();
}
