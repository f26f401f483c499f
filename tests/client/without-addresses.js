// Takes the last addresses out of the lock file: where the authors of packages ask for money.
"use strict";

const fs = require("node:fs");

const FILE = `${__dirname}/package-lock.json`;
const lock = JSON.parse(fs.readFileSync(FILE, "utf8"));
for (const found of Object.values(lock.packages)) delete found.funding;
fs.writeFileSync(FILE, `${JSON.stringify(lock, null, 2)}\n`);
