import "@fontsource-variable/onest/index.css"
import "@fontsource-variable/jetbrains-mono/index.css"
import "./styles/tokens.css"
import "./styles/base.css"
import { mount } from "svelte"
import App from "./ui/App.svelte"

const target = document.getElementById("app")
if (!target) throw new Error("the page has no place for the app")
mount(App, { target })
