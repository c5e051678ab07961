/**
 * Whose turn it is, as the page shows it: follows from what the server says.
 *
 * @typedef {'off' | 'idle' | 'listening' | 'thinking' | 'speaking' | 'reconnecting'} Turn
 */

/**
 * @param {Turn} turn
 * @param {import('../client/events.js').ServerEvent} event
 * @returns {Turn} the turn after the event
 */
export function turnAfter(turn, event) {
  switch (event.type) {
    case 'session.created':
      return 'idle';
    case 'input_audio_buffer.speech_started':
      return 'listening';
    case 'input_audio_buffer.committed':
    case 'response.created':
      return turn === 'listening' && event.type === 'response.created' ? turn : 'thinking';
    case 'output_audio_buffer.started':
      return turn === 'listening' ? turn : 'speaking';
    case 'input_audio_buffer.cleared':
      return turn === 'listening' ? 'idle' : turn;
    case 'output_audio_buffer.stopped':
      return turn === 'speaking' ? 'idle' : turn;
    case 'output_audio_buffer.cleared':
      return turn === 'speaking' ? 'idle' : turn;
    case 'conversation.item.input_audio_transcription.completed':
      return turn === 'thinking' && event.transcript === '' ? 'idle' : turn;
    case 'conversation.item.input_audio_transcription.failed':
      return turn === 'thinking' ? 'idle' : turn;
    case 'response.done':
      return turn === 'thinking' ? 'idle' : turn;
    default:
      return turn;
  }
}
