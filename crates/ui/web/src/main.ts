import './styles/tokens.css';
import './styles/base.css';
import { mount } from 'svelte';
import './lib/theme.svelte';
import { tonight } from './live/session.svelte';
import App from './shell/App.svelte';

const target = document.getElementById('app');
if (!target) throw new Error('The page has no place for the dashboard');

tonight.start();
mount(App, { target });
