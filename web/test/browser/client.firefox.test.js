import { calls } from "./support/client-calls.js";

calls("chrome", "firefox");
calls("firefox", "chrome");
