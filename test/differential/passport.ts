import passport from 'passport';

/** A Passport of its own, with users that are serialized by their name or, with a date in them, as they are. */
export function newPassport(): passport.PassportStatic {
  const own = new passport.Passport();
  own.serializeUser((user, done) => {
    const { name } = user as { name: string };
    done(null, name === 'ada' ? name : user);
  });
  own.deserializeUser((stored, done) => {
    done(null, typeof stored === 'string' ? { name: stored } : (stored as object));
  });
  return own as unknown as passport.PassportStatic;
}
