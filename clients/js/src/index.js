/** Sessions, speech both ways and tasks: for browsers and Node. What only browsers have is in `sottovoce/browser`. */

export { VERSION, VoiceClient } from './client.js';
export { VoiceSession } from './session.js';
export { MicrophoneUnavailable, ServerRefused, ServerUnreachable, SottovoceError, StreamClosed } from './errors.js';
export { NamespaceKeys } from './keys.js';
export { SessionKey } from './session-key.js';
export { Resampler } from './resampler.js';
