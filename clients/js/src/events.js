/** What goes over the stream. Made from the server's own types by `make docs`: do not edit. */

/**
 * Change settings.
 *
 * @typedef {object} SessionUpdate
 * @property {'session.update'} type
 * @property {string | null} [event_id]
 * @property {SessionChanges} session
 */

/**
 * What `session.update` may change; what is not there stays.
 *
 * @typedef {object} SessionChanges
 * @property {'realtime'} [type]
 * @property {string | null} [instructions]
 * @property {('text' | 'audio')[] | null} [output_modalities]
 * @property {Audio} [audio]
 */

/**
 * Both ways.
 *
 * @typedef {object} Audio
 * @property {AudioInput} [input]
 * @property {AudioOutput} [output]
 */

/**
 * How sound comes in.
 *
 * @typedef {object} AudioInput
 * @property {AudioFormat | null} [format]
 * @property {ServerVad | SemanticVad | null} [turn_detection]
 * @property {Transcription | null} [transcription]
 */

/**
 * PCM, 16-bit little-endian, mono.
 *
 * @typedef {object} AudioFormat
 * @property {'audio/pcm'} type
 * @property {8000 | 16000 | 24000 | 48000} [rate]
 */

/**
 * The server finds the turns.
 *
 * @typedef {object} ServerVad
 * @property {'server_vad'} type
 * @property {number | null} [threshold]
 * @property {number | null} [prefix_padding_ms]
 * @property {number | null} [silence_duration_ms]
 * @property {boolean | null} [create_response]
 * @property {boolean | null} [interrupt_response]
 */

/**
 * The server finds the turns, and listens to what is said: it waits longer in the middle of a sentence.
 *
 * @typedef {object} SemanticVad
 * @property {'semantic_vad'} type
 * @property {'low' | 'medium' | 'high' | 'auto' | null} [eagerness]
 * @property {boolean | null} [create_response]
 * @property {boolean | null} [interrupt_response]
 */

/**
 * Which language is spoken.
 *
 * @typedef {object} Transcription
 * @property {string | null} [language]
 */

/**
 * How sound goes out.
 *
 * @typedef {object} AudioOutput
 * @property {AudioFormat | null} [format]
 * @property {string | null} [voice]
 * @property {number | null} [speed]
 */

/**
 * Sound as base64, for clients made for the Realtime API; a binary message says the same in fewer bytes.
 *
 * @typedef {object} InputAudioBufferAppend
 * @property {'input_audio_buffer.append'} type
 * @property {string | null} [event_id]
 * @property {string} audio
 */

/**
 * My turn is over.
 *
 * @typedef {object} InputAudioBufferCommit
 * @property {'input_audio_buffer.commit'} type
 * @property {string | null} [event_id]
 */

/**
 * Forget what I said since the last commit.
 *
 * @typedef {object} InputAudioBufferClear
 * @property {'input_audio_buffer.clear'} type
 * @property {string | null} [event_id]
 */

/**
 * Add something typed.
 *
 * @typedef {object} ConversationItemCreate
 * @property {'conversation.item.create'} type
 * @property {string | null} [event_id]
 * @property {MessageItem} item
 * @property {string | null} [previous_item_id]
 */

/**
 * An item that a client adds.
 *
 * @typedef {object} MessageItem
 * @property {'message'} type
 * @property {'user' | 'assistant' | 'system'} role
 * @property {ContentPart[]} content
 * @property {string | null} [id]
 */

/**
 * A part of a typed item.
 *
 * @typedef {object} ContentPart
 * @property {string} type
 * @property {string} [text]
 */

/**
 * Send me an item.
 *
 * @typedef {object} ConversationItemRetrieve
 * @property {'conversation.item.retrieve'} type
 * @property {string | null} [event_id]
 * @property {string} item_id
 */

/**
 * Remove an item.
 *
 * @typedef {object} ConversationItemDelete
 * @property {'conversation.item.delete'} type
 * @property {string | null} [event_id]
 * @property {string} item_id
 */

/**
 * I stopped playing an answer here.
 *
 * @typedef {object} ConversationItemTruncate
 * @property {'conversation.item.truncate'} type
 * @property {string | null} [event_id]
 * @property {string} item_id
 * @property {number} [content_index]
 * @property {number} audio_end_ms
 */

/**
 * Answer now.
 *
 * @typedef {object} ResponseCreate
 * @property {'response.create'} type
 * @property {string | null} [event_id]
 * @property {ResponseParams | null} [response]
 */

/**
 * How one answer is to be made.
 *
 * @typedef {object} ResponseParams
 * @property {('text' | 'audio')[] | null} [output_modalities]
 */

/**
 * No more of this answer.
 *
 * @typedef {object} ResponseCancel
 * @property {'response.cancel'} type
 * @property {string | null} [event_id]
 * @property {string | null} [response_id]
 */

/**
 * Be silent.
 *
 * @typedef {object} OutputAudioBufferClear
 * @property {'output_audio_buffer.clear'} type
 * @property {string | null} [event_id]
 */

/**
 * So much of an answer was heard.
 *
 * @typedef {object} PlaybackPosition
 * @property {'playback.position'} type
 * @property {string | null} [event_id]
 * @property {string} item_id
 * @property {number} audio_ms
 */

/**
 * First on every connection.
 *
 * @typedef {object} SessionCreated
 * @property {'session.created'} type
 * @property {string} event_id
 * @property {Record<string, any>} session
 */

/**
 * The settings are now these.
 *
 * @typedef {object} SessionUpdated
 * @property {'session.updated'} type
 * @property {string} event_id
 * @property {Record<string, any>} session
 */

/**
 * The user's turn began.
 *
 * @typedef {object} InputAudioBufferSpeechStarted
 * @property {'input_audio_buffer.speech_started'} type
 * @property {string} event_id
 * @property {number} audio_start_ms
 * @property {string} item_id
 */

/**
 * The user's turn ended.
 *
 * @typedef {object} InputAudioBufferSpeechStopped
 * @property {'input_audio_buffer.speech_stopped'} type
 * @property {string} event_id
 * @property {number} audio_end_ms
 * @property {string} item_id
 */

/**
 * The turn's sound is an item.
 *
 * @typedef {object} InputAudioBufferCommitted
 * @property {'input_audio_buffer.committed'} type
 * @property {string} event_id
 * @property {string | null} previous_item_id
 * @property {string} item_id
 */

/**
 * What was not committed is gone.
 *
 * @typedef {object} InputAudioBufferCleared
 * @property {'input_audio_buffer.cleared'} type
 * @property {string} event_id
 */

/**
 * Ours: all up to here is safe.
 *
 * @typedef {object} InputAudioBufferAcknowledged
 * @property {'input_audio_buffer.acknowledged'} type
 * @property {string} event_id
 * @property {number} audio_end_ms
 */

/**
 * An item stands in the conversation.
 *
 * @typedef {object} ConversationItemAdded
 * @property {'conversation.item.added'} type
 * @property {string} event_id
 * @property {string | null} previous_item_id
 * @property {ItemView} item
 */

/**
 * An item of the conversation.
 *
 * @typedef {object} ItemView
 * @property {string} id
 * @property {string} object
 * @property {string} type
 * @property {string} status
 * @property {string} role
 * @property {Record<string, any>[]} content
 */

/**
 * An item is final.
 *
 * @typedef {object} ConversationItemDone
 * @property {'conversation.item.done'} type
 * @property {string} event_id
 * @property {string | null} previous_item_id
 * @property {ItemView} item
 */

/**
 * An item, as asked for.
 *
 * @typedef {object} ConversationItemRetrieved
 * @property {'conversation.item.retrieved'} type
 * @property {string} event_id
 * @property {ItemView} item
 */

/**
 * An item is gone.
 *
 * @typedef {object} ConversationItemDeleted
 * @property {'conversation.item.deleted'} type
 * @property {string} event_id
 * @property {string} item_id
 */

/**
 * An answer was cut to what was heard.
 *
 * @typedef {object} ConversationItemTruncated
 * @property {'conversation.item.truncated'} type
 * @property {string} event_id
 * @property {string} item_id
 * @property {number} content_index
 * @property {number} audio_end_ms
 */

/**
 * More words of a turn, while it is spoken.
 *
 * @typedef {object} InputAudioTranscriptionDelta
 * @property {'conversation.item.input_audio_transcription.delta'} type
 * @property {string} event_id
 * @property {string} item_id
 * @property {number} content_index
 * @property {string} delta
 */

/**
 * The final transcript; it replaces the deltas. `confidence` (0 to 1) is ours.
 *
 * @typedef {object} InputAudioTranscriptionCompleted
 * @property {'conversation.item.input_audio_transcription.completed'} type
 * @property {string} event_id
 * @property {string} item_id
 * @property {number} content_index
 * @property {string} transcript
 * @property {Record<string, any>} usage
 * @property {number} confidence
 */

/**
 * A turn could not be transcribed.
 *
 * @typedef {object} InputAudioTranscriptionFailed
 * @property {'conversation.item.input_audio_transcription.failed'} type
 * @property {string} event_id
 * @property {string} item_id
 * @property {number} content_index
 * @property {Record<string, any>} error
 */

/**
 * An answer begins.
 *
 * @typedef {object} ResponseCreated
 * @property {'response.created'} type
 * @property {string} event_id
 * @property {ResponseView} response
 */

/**
 * A response.
 *
 * @typedef {object} ResponseView
 * @property {string} object
 * @property {string} id
 * @property {string} status
 * @property {Record<string, any> | null} status_details
 * @property {ItemView[]} output
 * @property {string[]} output_modalities
 */

/**
 * The answer's item.
 *
 * @typedef {object} ResponseOutputItemAdded
 * @property {'response.output_item.added'} type
 * @property {string} event_id
 * @property {string} response_id
 * @property {number} output_index
 * @property {ItemView} item
 */

/**
 * The item's one part.
 *
 * @typedef {object} ResponseContentPartAdded
 * @property {'response.content_part.added'} type
 * @property {string} event_id
 * @property {string} response_id
 * @property {string} item_id
 * @property {number} output_index
 * @property {number} content_index
 * @property {Record<string, any>} part
 */

/**
 * The next words of a spoken answer; their sound follows in binary messages.
 *
 * @typedef {object} ResponseOutputAudioTranscriptDelta
 * @property {'response.output_audio_transcript.delta'} type
 * @property {string} event_id
 * @property {string} response_id
 * @property {string} item_id
 * @property {number} output_index
 * @property {number} content_index
 * @property {string} delta
 */

/**
 * All words of a spoken answer.
 *
 * @typedef {object} ResponseOutputAudioTranscriptDone
 * @property {'response.output_audio_transcript.done'} type
 * @property {string} event_id
 * @property {string} response_id
 * @property {string} item_id
 * @property {number} output_index
 * @property {number} content_index
 * @property {string} transcript
 */

/**
 * No more sound of this answer.
 *
 * @typedef {object} ResponseOutputAudioDone
 * @property {'response.output_audio.done'} type
 * @property {string} event_id
 * @property {string} response_id
 * @property {string} item_id
 * @property {number} output_index
 * @property {number} content_index
 */

/**
 * The next words of a written answer.
 *
 * @typedef {object} ResponseOutputTextDelta
 * @property {'response.output_text.delta'} type
 * @property {string} event_id
 * @property {string} response_id
 * @property {string} item_id
 * @property {number} output_index
 * @property {number} content_index
 * @property {string} delta
 */

/**
 * All words of a written answer.
 *
 * @typedef {object} ResponseOutputTextDone
 * @property {'response.output_text.done'} type
 * @property {string} event_id
 * @property {string} response_id
 * @property {string} item_id
 * @property {number} output_index
 * @property {number} content_index
 * @property {string} text
 */

/**
 * The item's part is final.
 *
 * @typedef {object} ResponseContentPartDone
 * @property {'response.content_part.done'} type
 * @property {string} event_id
 * @property {string} response_id
 * @property {string} item_id
 * @property {number} output_index
 * @property {number} content_index
 * @property {Record<string, any>} part
 */

/**
 * The answer's item is final.
 *
 * @typedef {object} ResponseOutputItemDone
 * @property {'response.output_item.done'} type
 * @property {string} event_id
 * @property {string} response_id
 * @property {number} output_index
 * @property {ItemView} item
 */

/**
 * The answer is complete, cancelled or failed.
 *
 * @typedef {object} ResponseDone
 * @property {'response.done'} type
 * @property {string} event_id
 * @property {ResponseView} response
 */

/**
 * The answer's first sound follows.
 *
 * @typedef {object} OutputAudioBufferStarted
 * @property {'output_audio_buffer.started'} type
 * @property {string} event_id
 * @property {string} response_id
 */

/**
 * By the server's clock, the answer was heard to its end.
 *
 * @typedef {object} OutputAudioBufferStopped
 * @property {'output_audio_buffer.stopped'} type
 * @property {string} event_id
 * @property {string} response_id
 */

/**
 * Drop what you have not played of this answer.
 *
 * @typedef {object} OutputAudioBufferCleared
 * @property {'output_audio_buffer.cleared'} type
 * @property {string} event_id
 * @property {string} response_id
 */

/**
 * Ours: a task began.
 *
 * @typedef {object} TaskCreated
 * @property {'task.created'} type
 * @property {string} event_id
 * @property {TaskView} task
 */

/**
 * A task as clients see it.
 *
 * @typedef {object} TaskView
 * @property {string} id
 * @property {string} session_id
 * @property {string} type
 * @property {string} state
 * @property {string} created_at
 * @property {string} updated_at
 * @property {boolean} result_available
 * @property {string | null} error_message
 * @property {Record<string, any>} arguments
 * @property {string | null} question
 * @property {string | null} expects
 * @property {number | null} progress
 * @property {string | null} progress_message
 */

/**
 * Ours: a task changed its state, what it is to do, or how far it has come; or was cancelled.
 *
 * @typedef {object} TaskUpdated
 * @property {'task.updated'} type
 * @property {string} event_id
 * @property {TaskView} task
 */

/**
 * Ours: a task is done.
 *
 * @typedef {object} TaskCompleted
 * @property {'task.completed'} type
 * @property {string} event_id
 * @property {TaskView} task
 * @property {any} result
 */

/**
 * Ours: a task failed, or was rejected.
 *
 * @typedef {object} TaskFailed
 * @property {'task.failed'} type
 * @property {string} event_id
 * @property {TaskView} task
 */

/**
 * Ours: the session will end soon.
 *
 * @typedef {object} SessionExpiring
 * @property {'session.expiring'} type
 * @property {string} event_id
 * @property {number} seconds_left
 * @property {string} reason
 */

/**
 * Ours: the last event before a clean close.
 *
 * @typedef {object} SessionEnded
 * @property {'session.ended'} type
 * @property {string} event_id
 * @property {string} reason
 * @property {Record<string, number>} usage
 */

/**
 * Something was wrong; the stream goes on.
 *
 * @typedef {object} Error
 * @property {'error'} type
 * @property {string} event_id
 * @property {Record<string, any>} error
 */

/** What a client may send. @typedef {SessionUpdate | InputAudioBufferAppend | InputAudioBufferCommit | InputAudioBufferClear | ConversationItemCreate | ConversationItemRetrieve | ConversationItemDelete | ConversationItemTruncate | ResponseCreate | ResponseCancel | OutputAudioBufferClear | PlaybackPosition} ClientEvent */

/** What the server says. @typedef {SessionCreated | SessionUpdated | InputAudioBufferSpeechStarted | InputAudioBufferSpeechStopped | InputAudioBufferCommitted | InputAudioBufferCleared | InputAudioBufferAcknowledged | ConversationItemAdded | ConversationItemDone | ConversationItemRetrieved | ConversationItemDeleted | ConversationItemTruncated | InputAudioTranscriptionDelta | InputAudioTranscriptionCompleted | InputAudioTranscriptionFailed | ResponseCreated | ResponseOutputItemAdded | ResponseContentPartAdded | ResponseOutputAudioTranscriptDelta | ResponseOutputAudioTranscriptDone | ResponseOutputAudioDone | ResponseOutputTextDelta | ResponseOutputTextDone | ResponseContentPartDone | ResponseOutputItemDone | ResponseDone | OutputAudioBufferStarted | OutputAudioBufferStopped | OutputAudioBufferCleared | TaskCreated | TaskUpdated | TaskCompleted | TaskFailed | SessionExpiring | SessionEnded | Error} ServerEvent */

/** The server's events by their type. @typedef {{ [E in ServerEvent as E['type']]: E }} ServerEventMap */

export {};
