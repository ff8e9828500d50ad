import './overlay.css';
import { mount } from 'svelte';
import { auth } from '../api/auth.svelte';
import { tonight } from '../live/session.svelte';
import Overlay from './Overlay.svelte';
import { optionsFrom } from './options';

const target = document.getElementById('overlay');
if (!target) throw new Error('The page has no place for the overlay');

const options = optionsFrom(location.search);
auth.stayAnonymous();
tonight.start({ session: options.session });
mount(Overlay, { target, props: { options } });
