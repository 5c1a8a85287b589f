// What modules of screens expect of a browser when they are loaded; the cases look at functions without a page.
Object.assign(globalThis, { location: { pathname: "/console/", search: "" }, addEventListener: () => undefined });
