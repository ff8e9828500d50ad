// Every screen of the dashboard, one entry each: the navigation, the router and the titles follow from it.
import type { Component } from 'svelte';
import type { IconName } from './ui/icons';

export interface Route {
  /** `{name}` stands for a part that varies; its value is handed to the screen as a prop. */
  path: string;
  title: string;
  load: () => Promise<{ default: Component<any> }>;
  /** Its place in the navigation: among the tabs of a phone, or behind `More` there. */
  nav?: { icon: IconName; place: 'tab' | 'more' };
  /** Only for those who are signed in; anybody else is asked for the key in its place. */
  signedIn?: boolean;
  /** Without navigation and margins. */
  bare?: boolean;
}

export const routes: Route[] = [
  { path: '/', title: 'Tonight', load: () => import('./screens/tonight/Tonight.svelte'), nav: { icon: 'tonight', place: 'tab' } },
  { path: '/pick', title: 'Pick', load: () => import('./screens/pick/Pick.svelte'), nav: { icon: 'dice', place: 'tab' }, signedIn: true },
  { path: '/session', title: 'Session', load: () => import('./screens/session/Session.svelte'), nav: { icon: 'session', place: 'tab' }, signedIn: true },
  { path: '/session/{id}', title: 'A session', load: () => import('./screens/session/Past.svelte'), signedIn: true },
  { path: '/history', title: 'History', load: () => import('./screens/history/History.svelte'), nav: { icon: 'history', place: 'more' } },
  { path: '/history/{id}', title: 'A night', load: () => import('./screens/history/Night.svelte') },
  { path: '/statistics', title: 'Statistics', load: () => import('./screens/statistics/Statistics.svelte'), nav: { icon: 'statistics', place: 'more' } },
  { path: '/tv', title: 'TV', load: () => import('./screens/tonight/Tv.svelte'), bare: true },
  { path: '/library', title: 'Library', load: () => import('./screens/library/Library.svelte'), nav: { icon: 'library', place: 'tab' } },
  { path: '/webhooks', title: 'Webhooks', load: () => import('./screens/webhooks/Webhooks.svelte'), nav: { icon: 'webhook', place: 'more' }, signedIn: true },
  { path: '/webhooks/{id}', title: 'A webhook', load: () => import('./screens/webhooks/Webhook.svelte'), signedIn: true },
  { path: '/live', title: 'Live', load: () => import('./screens/live/Live.svelte'), nav: { icon: 'live', place: 'more' }, signedIn: true },
  { path: '/connections', title: 'Connections', load: () => import('./screens/connections/Connections.svelte'), nav: { icon: 'connections', place: 'more' }, signedIn: true },
  { path: '/welcome', title: 'Welcome', load: () => import('./screens/welcome/Welcome.svelte') },
  { path: '/sign-in', title: 'Sign in', load: () => import('./screens/SignIn.svelte') },
];

/** Whether there is a screen at a path, so that nothing links to one that is not there. */
export function hasScreen(path: string): boolean {
  return routes.some((route) => route.path === path);
}
