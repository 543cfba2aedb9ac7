// The choice between light, dark and what the system says.
import { setThemeMode, type ThemeMode, useThemeMode } from '../theme';

const kModes: [ThemeMode, string][] = [
  ['auto', 'Auto'],
  ['light', 'Light'],
  ['dark', 'Dark'],
];

export function ThemeSwitch() {
  const mode = useThemeMode();
  return (
    <select
      aria-label="Theme"
      value={mode}
      onChange={(event) => setThemeMode(event.target.value as ThemeMode)}
    >
      {kModes.map(([value, text]) => (
        <option key={value} value={value}>
          {text}
        </option>
      ))}
    </select>
  );
}
