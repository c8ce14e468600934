// peer.mjs PACKAGE-FOLDER LIST: the npm package deep-email-validator asked about each address of a
// list (one a line under a header), 100 at a time. Prints how many it found valid, and why not.
// Its guess at typing errors is off: it takes the names of the bench for some, and asks no further.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [folder, list] = process.argv.slice(2);
const { validate } = await import(pathToFileURL(`${folder}/dist/index.js`));
const addresses = readFileSync(list, "utf8").trim().split("\n").slice(1);
const outcomes = {};

async function worker() {
    while (addresses.length) {
        const email = addresses.pop();
        const sender = "probe@probe.sender.mailworld";
        const answer = await validate({ email, sender, validateTypo: false });
        const reason = answer.valid ? "valid" : `${answer.reason}: ${answer.validators[answer.reason].reason}`;
        outcomes[reason] = (outcomes[reason] ?? 0) + 1;
    }
}

await Promise.all(Array.from({ length: 100 }, worker));
console.log(outcomes);
