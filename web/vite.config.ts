// How the page is built, and what answers its requests while it is developed.
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

import { mockServer } from './mock/plugin';

// What the server of hypertune sends as well, so that a page that breaks the rule breaks here.
const contentSecurityPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; " +
  "connect-src 'self'; font-src 'self'; frame-ancestors 'none'; base-uri 'none'; " +
  "form-action 'none'";

// The address of a `hypertune serve` to develop against; without one the mock server answers.
const server = process.env.HYPERTUNE_SERVER;

export default defineConfig({
  plugins: server ? [react()] : [react(), mockServer()],
  build: {
    outDir: process.env.HYPERTUNE_PAGE_OUT ?? 'dist',
    emptyOutDir: true,
    target: 'es2022',
    // Nothing is inlined as a data: URL, which the policy forbids for scripts and styles.
    assetsInlineLimit: 0,
    // Plotly is one large file, loaded only when a figure is looked at.
    chunkSizeWarningLimit: 2000,
  },
  server: {
    host: '127.0.0.1',
    proxy: server ? { '/api': { target: server, changeOrigin: true } } : {},
  },
  preview: { host: '127.0.0.1', headers: { 'Content-Security-Policy': contentSecurityPolicy } },
  test: {
    environment: 'jsdom',
    include: ['src/**/*.test.{ts,tsx}'],
    restoreMocks: true,
    setupFiles: ['src/test_setup.ts'],
    // What takes longer is stuck; machines that test are busy.
    testTimeout: 30_000,
  },
});
