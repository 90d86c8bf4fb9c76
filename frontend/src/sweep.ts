import { mount } from "svelte";
import "./shell/theme.css";
import "./shell/sweep.css";
import SweepApp from "./shell/SweepApp.svelte";
import { Sweep } from "./state/sweep.svelte.ts";

const target = document.getElementById("app");
if (target) {
  const sweep = new Sweep();
  mount(SweepApp, { target, props: { sweep } });
  void sweep.open();
}
