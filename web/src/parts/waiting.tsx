// What stands where a page is loaded, or its data are on their way.

export function Waiting() {
  return (
    <p className="muted" role="status">
      Loading …
    </p>
  );
}
