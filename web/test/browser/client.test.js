import { calls } from "./support/client-calls.js";

calls("chrome", "chrome");
