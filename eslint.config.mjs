import reactHooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['labextension/lib/', 'jupyter_aml/', 'node_modules/', '.venv/'] },
  ...tseslint.configs.recommended,
  {
    files: ['labextension/**/*.{ts,tsx}'],
    plugins: { 'react-hooks': reactHooks },
    rules: {
      ...reactHooks.configs.recommended.rules,
      '@typescript-eslint/no-redeclare': 'off',
      curly: 'error',
      eqeqeq: 'error'
    }
  }
);
