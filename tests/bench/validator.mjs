// validator.mjs PACKAGE-FOLDER FILE: isEmail of the npm package validator for each line of a file.
// Prints how many it found valid.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [folder, file] = process.argv.slice(2);
const { default: validator } = await import(pathToFileURL(`${folder}/index.js`));
let valid = 0;
for (const line of readFileSync(file, "utf8").split("\n")) if (validator.isEmail(line)) valid++;
console.log(valid);
