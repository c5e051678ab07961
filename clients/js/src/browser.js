/** What browsers have: a microphone, a loudspeaker, and a session that uses them. */

export { Talk } from './talk.js';
export { microphones, Microphone } from './microphone.js';
export { Speaker } from './speaker.js';
