import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { ServerRefused, ServerUnreachable, StreamClosed, VoiceClient } from '../src/index.js';
import { breakable, INSTANT, startServer } from './helpers.js';

/** @type {{ url: string, stop: () => Promise<void> }} */
let server;

before(async () => (server = await startServer({ ...INSTANT, SOTTOVOCE_MAX_SESSIONS_PER_USER: '2' })));
after(() => server.stop());

let namespaces = 0;
const client = (url = server.url) => new VoiceClient(url, { namespaceId: `js-${process.pid}-${++namespaces}` });

test('what is typed is answered in words and sound, and the session ends with counts', async () => {
  const session = await client().open();
  assert.equal(session.connection, 'open');
  assert.equal(session.settings.audio.input.format.rate, 16_000);
  let samples = 0;
  session.on('sound', (pcm) => (samples += pcm.length));
  session.sendText('what time is it');
  const { transcript } = await session.next('response.output_audio_transcript.done');
  assert.match(transcript, /^It is /);
  assert.ok(samples > 8_000, `${samples} samples`);
  const { reason, code, usage } = await session.end();
  assert.deepEqual([reason, code, usage?.messages, usage?.tasks], ['client_closed', 1000, 2, 0]);
  assert.throws(() => session.sendText('hello'), StreamClosed);
});

test('everything the server says can be read in one loop', async () => {
  const session = await client().open();
  session.sendText('goodbye');
  const seen = [];
  for await (const message of session) seen.push(message instanceof Int16Array ? 'sound' : message.type);
  assert.ok(seen.includes('sound'));
  assert.equal(seen.at(-1), 'session.ended');
});

test('a task is started, asks, is answered, and has a result', async () => {
  const session = await client().open();
  const note = await session.startTask('note', { text: 'the key is under the mat' });
  assert.equal((await session.task(note.id)).type, 'note');
  await session.startTask('timer', { seconds: 3_600 });
  session.sendText('delete all timers');
  const asking = await new Promise((resolve) => {
    session.on('task.updated', ({ task }) => task.state === 'input_required' && resolve(task));
  });
  assert.equal(asking.expects, 'yes_no');
  const done = session.next('task.completed');
  await session.answerTask(asking.id, false);
  assert.equal((await done).task.id, asking.id);
  assert.deepEqual(
    (await session.tasks('working')).map(({ type }) => type),
    ['timer'],
  );
  await session.end();
});

test('errors have codes and sentences', async () => {
  const who = new VoiceClient(server.url, { namespaceId: 'js-errors' });
  const open = [await who.open(), await who.open()];
  await assert.rejects(who.open(), (error) => {
    assert.ok(error instanceof ServerRefused);
    assert.deepEqual([error.status, error.code], [429, 'too_many_sessions']);
    assert.ok((error.retryAfterS ?? 0) > 0);
    return true;
  });
  await assert.rejects(open[0].startTask('dance', {}), { code: 'unknown_task_type' });
  assert.equal((await who.sessions()).length, 2);
  for (const session of open) await session.end();
  await assert.rejects(new VoiceClient('http://127.0.0.1:9', { namespaceId: 'x' }).open(), ServerUnreachable);
  await assert.rejects(who.examples('fr'), { code: 'language_not_supported' });
});

test('a broken connection is made anew: events come once, sound goes on where it was', async () => {
  const proxy = await breakable(server.url);
  const session = await client(proxy.url).open();
  /** @type {number[]} */
  const numbers = [];
  session.on('event', (event) => numbers.push(Number(event.event_id.split('_')[1])));
  session.sendSound(new Int16Array(16_000));
  session.sendText('set a timer for one hour');
  await session.next('output_audio_buffer.stopped');
  proxy.breakAll();
  await session.next('connection');
  assert.equal(session.connection, 'reconnecting');
  session.sendSound(new Int16Array(16_000));
  await session.next('input_audio_buffer.acknowledged');
  assert.equal(session.connection, 'open');
  session.sendText('what time is it');
  await session.next('response.done');
  assert.deepEqual(
    numbers,
    numbers.map((_, at) => numbers[0] + at),
  );
  const { usage } = await session.end();
  assert.equal(usage?.audio_seconds, 2);
  await proxy.stop();
});

test('a ticket is in no address, and in no word of the server', async () => {
  const proxy = await breakable(server.url);
  const session = await client(proxy.url).open();
  proxy.breakAll();
  await session.next('session.created');
  await session.end();
  const streams = proxy.asked.filter((head) => head.startsWith('GET /ws/voice?'));
  assert.equal(streams.length, 2);
  for (const head of streams) {
    assert.doesNotMatch(head.split('\r\n')[0], /ticket/);
    assert.match(head, /\r\nsec-websocket-protocol: sottovoce\.v1, ?ticket\.[\w-]{43}\r\n/i);
  }
  assert.match(streams[1], /^GET \S+last_event_id=event_\d+ /);
  await proxy.stop();
});

test('a session that is gone when the connection comes back is over', async () => {
  const proxy = await breakable(server.url);
  const session = await client(proxy.url).open();
  const closed = session.next('closed');
  await fetch(`${server.url}/api/v1/sessions/${session.id}`, { method: 'DELETE' });
  proxy.breakAll();
  assert.equal(session.connection === 'closed' || (await closed) !== undefined, true);
  await proxy.stop();
});
