// Where the page begins.
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';

import { App } from './app';
import './theme.css';
import './frame.css';
import { startTheme } from './theme';

startTheme();
const root = document.getElementById('root');
if (!root) throw new Error('index.html has no element with the id root');
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
