// The little of jsdom that the tests use; it brings no types of its own.
declare module 'jsdom' {
  export class JSDOM {
    constructor(text: string, options: { contentType: string });
    readonly window: { document: Document };
  }
}
