// What went wrong, in words; and a boundary that keeps a broken part from taking the page along.
import { Component, type ReactNode } from 'react';

export function ErrorBox({ title, message }: { title: string; message: string }) {
  return (
    <div className="panel error-box" role="alert">
      <strong>{title}</strong>
      <p>{message}</p>
    </div>
  );
}

export class ErrorBoundary extends Component<
  { children: ReactNode },
  { error?: Error | undefined }
> {
  override state: { error?: Error | undefined } = {};

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override render() {
    const { error } = this.state;
    if (!error) return this.props.children;
    return (
      <div className="stack">
        <ErrorBox title="This part of the page failed" message={error.message} />
        <button type="button" onClick={() => this.setState({ error: undefined })}>
          Try again
        </button>
      </div>
    );
  }
}
