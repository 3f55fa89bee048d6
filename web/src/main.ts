import { mount } from "svelte";
import App from "./App.svelte";
import { shell } from "./state/shell.svelte";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/alarm.css";
import "./styles/prose.css";
import "./styles/steps.css";

const target = document.getElementById("app");
if (target) mount(App, { target });
void shell.keep();
