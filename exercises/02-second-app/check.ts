import { type Answer, seen } from '../checks/ask.ts';
import { check, passed, teach } from '../checks/check.ts';
import { startProgram } from '../checks/program.ts';

await check(async subject => {
  const program = await startProgram(subject);

  mustSay(await program.ask('/hello/you'), 'hello sees /you', {
    so: 'the app that was there before is not reached as it was.',
    look: 'at the lines with belowHello: they can stay as they were in the beginning.',
  });

  const apples = await program.ask('/shop/apples');
  if (apples.status === 404)
    teach({
      did: apples.did,
      seen: `the client got ${seen(apples)}.`,
      so: 'no app is mounted at /shop, so the request fell through to the last lines.',
      look: 'at the lines with belowHello: /shop needs the like, before the 404.',
    });
  if (apples.body.includes('shop sees /shop'))
    teach({
      did: apples.did,
      seen: `the client got ${seen(apples)}.`,
      so: 'the shop was reached, and sees its own prefix. Moved elsewhere, it would no longer know its paths.',
      look: 'for req.url = …: it has to be set to what stripPrefix left, before the shop is called.',
    });
  mustSay(apples, 'shop sees /apples', {
    so: 'this is not what the shop says of a request for /apples.',
    look: 'at what is called for /shop, and at req.url just before.',
  });

  mustSay(await program.ask('/shop?page=2'), 'shop sees /?page=2', {
    so: "the shop's front page, with a query, is the shop's as well.",
    look: "at how /shop is compared: stripPrefix knows about '?', == and startsWith do not.",
  });

  for (const path of ['/shopping', '/']) {
    const nobody = await program.ask(path);
    if (nobody.status !== 404)
      teach({
        did: nobody.did,
        seen: `the client got ${seen(nobody)}.`,
        so: `${path} is nobody’s. Who answers for it hides a mistake in a link, and more.`,
        look: 'at how the prefix is compared: stripPrefix tells /shopping from /shop.',
      });
    passed(`${nobody.did} is answered by nobody: 404`);
  }
});

function mustSay(answer: Answer, text: string, { so, look }: { so: string; look: string }): void {
  if (answer.status !== 200 || answer.body.trim() !== text)
    teach({ did: answer.did, seen: `the client got ${seen(answer)}.`, so, look });
  passed(`${answer.did} is answered with “${text}”`);
}
