// Makes src/api/types.ts from the JSON schema of the HTTP API.
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { compile } from 'json-schema-to-typescript';

// A build that copies this folder names the schema itself.
const source =
  process.env.HYPERTUNE_API_SCHEMA ??
  fileURLToPath(new URL('../../docs/reference/http-api.schema.json', import.meta.url));
const target = fileURLToPath(new URL('../src/api/types.ts', import.meta.url));

const schema = JSON.parse(await readFile(source, 'utf8'));
const text = await compile(schema, 'Api', {
  additionalProperties: false,
  unreachableDefinitions: true,
  ignoreMinAndMaxItems: true,
  bannerComment: '// Types of the HTTP API, made from docs/reference/http-api.schema.json.',
});
// Written only when it changed, so that what is built from it is left alone.
const before = await readFile(target, 'utf8').catch(() => '');
if (before !== text) await writeFile(target, text);
