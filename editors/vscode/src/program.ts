// Where the program `tocsin` is.
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";

/** What decides which program is started. */
export interface Surroundings {
  /** The setting `tocsin.path`; empty where nobody set it. */
  path: string;
  /** The folders of the workspace. */
  folders: readonly string[];
  /** The environment's `PATH`. */
  searchPath: string;
  home: string;
}

/** A program to start, or why there is none. */
export type Program = { readonly path: string } | { readonly problem: string };

/** Builds that a workspace with the source of Tocsin has, the fastest first. */
const builds = ["build/release/tocsin", "build/dev/tocsin"];

/** Whether a file can be started. */
export function canStart(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** By the setting, else in the `PATH`, else a build in the workspace. */
export function findProgram(at: Surroundings): Program {
  const searched = at.searchPath.split(delimiter).filter((folder) => folder !== "");
  const first = (places: string[]): string | undefined => places.find(canStart);
  if (at.path !== "") {
    const wanted = at.path.startsWith("~/") ? join(at.home, at.path.slice(2)) : at.path;
    if (isAbsolute(wanted)) {
      return canStart(wanted) ? { path: wanted } : { problem: `the setting tocsin.path names ${wanted}, which is no program` };
    }
    const inPath = wanted.includes("/") ? [] : searched.map((folder) => join(folder, wanted));
    const found = first([...inPath, ...at.folders.map((folder) => join(folder, wanted))]);
    if (found !== undefined) return { path: found };
    return { problem: `the setting tocsin.path names ${wanted}, which is neither in the PATH nor in the workspace` };
  }
  const found = first([
    ...searched.map((folder) => join(folder, "tocsin")),
    ...at.folders.flatMap((folder) => builds.map((build) => join(folder, build))),
  ]);
  if (found !== undefined) return { path: found };
  return { problem: "tocsin is not in the PATH; say where it is in the setting tocsin.path" };
}
