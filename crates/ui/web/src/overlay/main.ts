import './overlay.css';
import { mount } from 'svelte';
import { tonight } from '../live/session.svelte';
import Overlay from './Overlay.svelte';
import { optionsFrom } from './options';

const target = document.getElementById('overlay');
if (!target) throw new Error('The page has no place for the overlay');

const options = optionsFrom(location.search);
tonight.start({ anonymous: true, session: options.session });
mount(Overlay, { target, props: { options } });
