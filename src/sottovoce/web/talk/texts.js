/** What the page itself says, in each language that it speaks. `{name}` is filled in. */

const EN = {
  motto: 'Speak freely. Nothing is kept.',
  language: 'Language',
  start: 'Start talking',
  startTyping: 'Only type',
  again: 'Talk again',
  hold: 'Hold to talk',
  silence: 'Silence the answer',
  mute: 'Mute',
  useMicrophone: 'Use the microphone',
  end: 'End and forget',
  device: 'Microphone',
  deviceDefault: 'The usual one',
  pushToTalk: 'I hold a button while I speak',
  help: 'What can I say?',
  conversation: 'Conversation',
  nothingYet: 'What you say and what is answered appears here.',
  typeHere: 'Type instead of speaking',
  send: 'Send',
  level: 'Loudness of your voice',
  dismiss: 'Dismiss',
  you: 'You',
  partial: 'not final yet',
  cut: 'interrupted',
  notHeard: '(not understood)',
  tasks: 'Tasks',
  asking: 'Waiting for you',
  working: 'Under way',
  finished: 'Finished',
  confirm: 'Yes',
  refuse: 'No',
  cancel: 'Cancel',
  answer: 'Your answer',
  heard: 'You said: {text}',
  due: 'due {time}',
  forSeconds: '{duration}',
  turn: {
    off: 'Not connected',
    connecting: 'Connecting …',
    idle: 'Say something',
    typing: 'Type something',
    listening: 'Listening',
    thinking: 'Thinking',
    speaking: 'Speaking',
    muted: 'Muted',
    reconnecting: 'Connection lost. Trying again …',
  },
  states: {
    submitted: 'accepted',
    working: 'under way',
    input_required: 'has a question',
    completed: 'done',
    failed: 'failed',
    cancelled: 'cancelled',
    rejected: 'not accepted',
  },
  types: {
    reminder: 'Reminder',
    note: 'Note',
    timer: 'Timer',
    delete: 'Delete',
  },
  accessTitle: 'This server wants a key',
  accessWhy: 'This server is not open to everybody. Enter the access key that you were given for it.',
  accessWhyNamespace: 'Your key is for a certain namespace. Enter its name: whoever gave you the key knows it.',
  accessKey: 'Access key',
  accessNamespace: 'Namespace',
  accessKept: 'Kept in this tab only, until you close it.',
  accessGo: 'Go on',
  accessCancel: 'Not now',
  taskNow: '{type}: {state}',
  forgotten: 'Forgotten: {messages}, {responses}, {tasks} and {sound} of your voice. Nothing is left on the server.',
  forgottenUnknown: 'The connection was lost. What was said is forgotten, at the latest in half a minute.',
  messages: ['{n} message', '{n} messages'],
  responses: ['{n} answer', '{n} answers'],
  tasksCount: ['{n} task', '{n} tasks'],
  soundSeconds: '{n} s',
  soundMinutes: '{n} min',
  whyEnded: {
    said_goodbye: 'You said goodbye.',
    idle_timeout: 'Nobody spoke for a while.',
    time_limit: 'The session reached its time limit.',
    server_stopping: 'The server was stopped.',
    fault: 'The server failed, and closed the session.',
  },
  problems: {
    server_unreachable: 'The server does not answer. Start it (make run), then try again.',
    credential_required: 'This server lets you in with an access key only. Press “Start talking” to enter yours.',
    credential_invalid: 'The server does not take this access key: it is mistyped, has expired, or was withdrawn.',
    credential_unusable: 'This is no access key: it has letters, digits and -._~+/= only. Copy it once more.',
    namespace_not_allowed: 'Your access key is not for this namespace. Look up its name, then try again.',
    invalid_key_hash: 'Somebody else is using this namespace with other keys. End that conversation, then try again.',
    creating_too_fast: 'Too many conversations were begun in the last minute. Wait a little, then try again.',
    too_many_sessions: 'You have too many conversations open. End one of them, then try again.',
    node_full: 'The server has no room at the moment. Try again in a few seconds.',
    node_overloaded: 'The server is too busy at the moment. Try again in a few seconds.',
    stream_closed: 'The server closed the stream ({code}). Start again.',
    microphone_refused:
      'The browser does not let this page use the microphone, so you cannot be heard. Typing works. To speak, allow the microphone beside the address, then press “Use the microphone”.',
    microphone_missing:
      'No microphone was found, so you cannot be heard. Typing works. To speak, plug one in, then press “Use the microphone”.',
    microphone_busy:
      'Another program uses the microphone, so you cannot be heard. Typing works. Close that program, then press “Use the microphone”.',
    microphone_kept:
      'That microphone cannot be used; the one before is still in use. Choose another one, or go on.',
    microphone_insecure:
      'Browsers give microphone and sound only to pages over https or on this machine. Typing works. To speak, open the page at https or at http://127.0.0.1.',
    language_not_supported: 'The server hears English only. Typing works in every language, and answers come in yours.',
    expiring: 'The session ends in {n} seconds. What you still need of it, note it now; then you can start again.',
    expiring_idle: 'Nobody has spoken for a while: the session ends in {n} seconds. Say or type something to go on.',
    answer_failed: 'The answer could not be made. Ask once more; if it fails again, look at the server’s log.',
    events_lost: 'The connection was away for long, and some of what happened meanwhile is not shown here. Ask “what are my tasks”.',
    foreign_origin:
      'The server does not know this address. Open its own, or list this one in its setting SOTTOVOCE_ALLOWED_ORIGINS or SOTTOVOCE_PUBLIC_URL.',
    unknown: 'Something went wrong: {message}',
  },
};

/** @type {typeof EN} */
const DE = {
  motto: 'Sprich frei. Nichts wird behalten.',
  language: 'Sprache',
  start: 'Sprechen',
  startTyping: 'Nur tippen',
  again: 'Noch einmal sprechen',
  hold: 'Zum Sprechen halten',
  silence: 'Antwort abbrechen',
  mute: 'Stumm',
  useMicrophone: 'Mikrofon benutzen',
  end: 'Beenden und vergessen',
  device: 'Mikrofon',
  deviceDefault: 'Das übliche',
  pushToTalk: 'Ich halte einen Knopf, während ich spreche',
  help: 'Was kann ich sagen?',
  conversation: 'Gespräch',
  nothingYet: 'Was du sagst und was geantwortet wird, erscheint hier.',
  typeHere: 'Tippen statt sprechen',
  send: 'Senden',
  level: 'Lautstärke deiner Stimme',
  dismiss: 'Schließen',
  you: 'Du',
  partial: 'noch nicht endgültig',
  cut: 'unterbrochen',
  notHeard: '(nicht verstanden)',
  tasks: 'Aufgaben',
  asking: 'Wartet auf dich',
  working: 'In Arbeit',
  finished: 'Fertig',
  confirm: 'Ja',
  refuse: 'Nein',
  cancel: 'Abbrechen',
  answer: 'Deine Antwort',
  heard: 'Du hast gesagt: {text}',
  due: 'fällig {time}',
  forSeconds: '{duration}',
  turn: {
    off: 'Nicht verbunden',
    connecting: 'Verbinde …',
    idle: 'Sag etwas',
    typing: 'Tippe etwas',
    listening: 'Ich höre zu',
    thinking: 'Ich denke nach',
    speaking: 'Ich spreche',
    muted: 'Stumm',
    reconnecting: 'Verbindung verloren. Neuer Versuch …',
  },
  states: {
    submitted: 'angenommen',
    working: 'in Arbeit',
    input_required: 'hat eine Frage',
    completed: 'erledigt',
    failed: 'fehlgeschlagen',
    cancelled: 'abgebrochen',
    rejected: 'nicht angenommen',
  },
  types: {
    reminder: 'Erinnerung',
    note: 'Notiz',
    timer: 'Timer',
    delete: 'Löschen',
  },
  accessTitle: 'Dieser Server will einen Schlüssel',
  accessWhy: 'Dieser Server ist nicht für alle offen. Gib den Zugangsschlüssel ein, den du dafür bekommen hast.',
  accessWhyNamespace:
    'Dein Schlüssel gilt für einen bestimmten Namensraum. Gib dessen Namen ein: Wer dir den Schlüssel gab, kennt ihn.',
  accessKey: 'Zugangsschlüssel',
  accessNamespace: 'Namensraum',
  accessKept: 'Bleibt nur in diesem Tab, bis du ihn schließt.',
  accessGo: 'Weiter',
  accessCancel: 'Jetzt nicht',
  taskNow: '{type}: {state}',
  forgotten:
    'Vergessen: {messages}, {responses}, {tasks} und {sound} deiner Stimme. Auf dem Server ist nichts mehr davon.',
  forgottenUnknown: 'Die Verbindung ging verloren. Was gesagt wurde, ist spätestens in einer halben Minute vergessen.',
  messages: ['{n} Nachricht', '{n} Nachrichten'],
  responses: ['{n} Antwort', '{n} Antworten'],
  tasksCount: ['{n} Aufgabe', '{n} Aufgaben'],
  soundSeconds: '{n} s',
  soundMinutes: '{n} min',
  whyEnded: {
    said_goodbye: 'Du hast dich verabschiedet.',
    idle_timeout: 'Eine Weile hat niemand gesprochen.',
    time_limit: 'Die Sitzung hat ihre Höchstdauer erreicht.',
    server_stopping: 'Der Server wurde angehalten.',
    fault: 'Der Server hatte einen Fehler und hat die Sitzung beendet.',
  },
  problems: {
    server_unreachable: 'Der Server antwortet nicht. Starte ihn (make run) und versuche es noch einmal.',
    credential_required:
      'Dieser Server lässt dich nur mit einem Zugangsschlüssel hinein. Drücke „Sprechen“, um deinen einzugeben.',
    credential_invalid:
      'Der Server nimmt diesen Zugangsschlüssel nicht: Er ist vertippt, abgelaufen oder wurde zurückgezogen.',
    credential_unusable:
      'Das ist kein Zugangsschlüssel: Der hat nur Buchstaben, Ziffern und -._~+/=. Kopiere ihn noch einmal.',
    namespace_not_allowed:
      'Dein Zugangsschlüssel gilt nicht für diesen Namensraum. Sieh nach, wie er heißt, und versuche es noch einmal.',
    invalid_key_hash:
      'Jemand anders benutzt diesen Namensraum mit anderen Schlüsseln. Beende jenes Gespräch und versuche es noch einmal.',
    creating_too_fast: 'In der letzten Minute wurden zu viele Gespräche begonnen. Warte etwas und versuche es noch einmal.',
    too_many_sessions: 'Du hast zu viele Gespräche offen. Beende eines davon und versuche es noch einmal.',
    node_full: 'Der Server hat gerade keinen Platz. Versuche es in ein paar Sekunden noch einmal.',
    node_overloaded: 'Der Server ist gerade zu beschäftigt. Versuche es in ein paar Sekunden noch einmal.',
    stream_closed: 'Der Server hat die Verbindung geschlossen ({code}). Fang noch einmal an.',
    microphone_refused:
      'Der Browser gibt dieser Seite das Mikrofon nicht; man kann dich nicht hören. Tippen geht. Zum Sprechen erlaube das Mikrofon neben der Adresse und drücke „Mikrofon benutzen“.',
    microphone_missing:
      'Es gibt kein Mikrofon; man kann dich nicht hören. Tippen geht. Zum Sprechen schließe eines an und drücke „Mikrofon benutzen“.',
    microphone_busy:
      'Ein anderes Programm benutzt das Mikrofon; man kann dich nicht hören. Tippen geht. Schließe das Programm und drücke „Mikrofon benutzen“.',
    microphone_kept:
      'Dieses Mikrofon geht nicht; das vorige ist weiter in Gebrauch. Wähle ein anderes, oder mach weiter.',
    microphone_insecure:
      'Browser geben Mikrofon und Ton nur Seiten über https oder auf diesem Rechner. Tippen geht. Zum Sprechen öffne die Seite über https oder unter http://127.0.0.1.',
    language_not_supported:
      'Der Server hört nur Englisch. Tippen geht in jeder Sprache, und die Antworten kommen in deiner.',
    expiring: 'Die Sitzung endet in {n} Sekunden. Was du noch davon brauchst, notiere jetzt; dann kannst du neu beginnen.',
    expiring_idle: 'Eine Weile hat niemand gesprochen: In {n} Sekunden endet die Sitzung. Sag oder tippe etwas, damit sie weitergeht.',
    answer_failed: 'Die Antwort ist nicht gelungen. Frag noch einmal; hilft das nicht, sieh ins Protokoll des Servers.',
    events_lost: 'Die Verbindung war lange weg, und manches, was unterdessen geschah, steht hier nicht. Frag „was sind meine Aufgaben“.',
    foreign_origin:
      'Der Server kennt diese Adresse nicht. Öffne seine eigene, oder trage diese in SOTTOVOCE_ALLOWED_ORIGINS oder SOTTOVOCE_PUBLIC_URL ein.',
    unknown: 'Etwas ging schief: {message}',
  },
};

const LANGUAGES = { en: EN, de: DE };

/** @typedef {keyof typeof LANGUAGES} Language */

/** The page's words in the language that was chosen. */
export class Texts {
  /** @param {Language} language */
  constructor(language) {
    this.language = language;
    this.all = LANGUAGES[language];
  }

  /** @returns {Language} the browser's language, if it is one of ours */
  static usual() {
    const wanted = navigator.languages.map((each) => each.slice(0, 2)).find((each) => each in LANGUAGES);
    return /** @type {Language} */ (wanted ?? 'en');
  }

  /**
   * @param {string} text
   * @param {Record<string, string | number>} values
   */
  fill(text, values) {
    return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
  }

  /**
   * "1 message", "2 messages".
   *
   * @param {string[]} forms one, many
   * @param {number} n
   */
  count([one, many], n) {
    return this.fill(n === 1 ? one : many, { n });
  }

  /** Say everything on the page that is marked with data-text, -label, -placeholder in this language. */
  apply() {
    const texts = /** @type {Record<string, any>} */ (this.all);
    document.documentElement.lang = this.language;
    for (const element of document.querySelectorAll('[data-text]')) {
      element.textContent = texts[/** @type {HTMLElement} */ (element).dataset.text ?? ''];
    }
    for (const element of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('[data-label]'))) {
      element.setAttribute('aria-label', texts[element.dataset.label ?? '']);
    }
    for (const element of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('[data-placeholder]'))) {
      element.setAttribute('placeholder', texts[element.dataset.placeholder ?? '']);
    }
  }

  /**
   * What happened when the session ended: counts, no content.
   *
   * @param {import('../client/session.js').Closed} closed
   */
  farewell({ reason, usage }) {
    const { all } = this;
    const why = /** @type {Record<string, string>} */ (all.whyEnded)[reason];
    if (usage === null) return all.forgottenUnknown;
    const seconds = usage.audio_seconds;
    const counts = this.fill(all.forgotten, {
      messages: this.count(all.messages, usage.messages),
      responses: this.count(all.responses, usage.responses),
      tasks: this.count(all.tasksCount, usage.tasks),
      sound:
        seconds < 120
          ? this.fill(all.soundSeconds, { n: seconds })
          : this.fill(all.soundMinutes, { n: Math.round(seconds / 60) }),
    });
    return why === undefined ? counts : `${why} ${counts}`;
  }

  /**
   * A problem as a sentence that one can act on.
   *
   * @param {string} code
   * @param {Record<string, string | number>} values
   */
  problem(code, values) {
    const texts = /** @type {Record<string, string>} */ (this.all.problems);
    return this.fill(texts[code] ?? texts.unknown, values);
  }
}
