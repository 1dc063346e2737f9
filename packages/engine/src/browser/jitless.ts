/** Imported before every schema: Zod would try whether it may compile code, which our content security policy forbids. */
import { z } from "zod";

z.config({ jitless: true });
