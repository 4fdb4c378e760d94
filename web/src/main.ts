import "@fontsource-variable/onest/index.css"
import "@fontsource-variable/jetbrains-mono/index.css"
import "./styles/tokens.css"
import "./styles/base.css"
import "./styles/forced-colors.css"
import { mount } from "svelte"
import { useTimers, workerTimers } from "./client/index.ts"
import App from "./ui/App.svelte"

const target = document.getElementById("app")
if (!target) throw new Error("the page has no place for the app")
// In a tab that nobody sees, connections and the title go on as in one that is seen.
useTimers(workerTimers(new Worker(new URL("./client/timer-worker.ts", import.meta.url), { type: "module" })))
mount(App, { target })
