// Reads the rows of a query with jsforce's record stream, once for each line of its input, and tells how long it took.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const [folder, instanceUrl, soql] = process.argv.slice(2);
const { Connection } = createRequire(`${folder}/`)("jsforce");
const connection = new Connection({ instanceUrl, accessToken: "00D!load", version: "66.0" });

function read() {
  return new Promise((resolve, reject) => {
    let rows = 0;
    connection
      .query(soql)
      .on("record", () => { rows += 1; })
      .on("end", () => resolve(rows))
      .on("error", reject)
      .run({ autoFetch: true, maxFetch: 10_000_000 });
  });
}

for await (const _ of createInterface({ input: process.stdin })) {
  const began = performance.now();
  const rows = await read();
  console.log(JSON.stringify({ rows, seconds: (performance.now() - began) / 1000 }));
}
