/*
 * One grant's row, a provider that gives a new refresh token for each one spent, and all that may happen to both at the same
 * time: processes that refresh, each of which may end at any step, freeze beyond its lease, get no answer or a COMMIT without
 * acknowledgement; a new consent, a revocation, a user who disconnects at the provider, records sealed anew.
 *
 * Bounds: REFRESHERS refreshes, OTHERS of the other things, each at most once; the access token is due again AGEINGS times.
 * Times are events: leases, access tokens and graces end at any moment. Each CLAIM, COMMIT, FAIL and RELEASE is one step, as it
 * is one statement.
 * GRACE: the provider takes a refresh token for some time after it was spent. REUSE: it ends the grant where one is spent
 * again after that. A macro WITHOUT_... takes one defence away: the run must then find a violation.
 */
#ifndef REFRESHERS
#define REFRESHERS 2
#endif
#ifndef OTHERS
#define OTHERS 2
#endif
#ifndef AGEINGS
#define AGEINGS 1
#endif
#ifndef GRACE
#define GRACE 0
#endif
#ifndef REUSE
#define REUSE 1
#endif
#define bit(x) (1 << (x))

#define ACTIVE 0
#define REAUTH_REQUIRED 1
#define LOST_ROTATION 2
#define REVOKING 3
#define REVOKED 4

/* The row. */
byte status = ACTIVE;
byte version = 1;
byte token = 1; /* the refresh token in the sealed value */
byte owner; /* 0: no lease */
bool leaseRuns;
bool attempt; /* attempt_started_at */
bool doubt; /* in_doubt_since */
bool due = true; /* the access token expires within the buffer */
bool accessRuns = true; /* and has not expired yet, nor was it reported bad */
bool graceRuns; /* graceSeconds since the attempt */

/* The provider: the refresh tokens of the latest consent that can be spent; those that were; those of an earlier consent. */
byte valid = bit(1);
byte spent, earlier;
byte issued = 1;
byte graceOf; /* the one that was spent last, while it is taken once more */
#define PROCESSES (REFRESHERS + 1)
byte request[PROCESSES], answer[PROCESSES];
#define INVALID 254
#define BUSY 255
#define isToken(a) ((a) != 0 && (a) < INVALID)

/* Only to judge by. Tokens that a living process has or waits for; those whose process ended before COMMIT; */
byte held, gone;
/* who spent each token; processes that wait for an answer, are at work, outlived their lease, ended or had no answer in time; */
byte spenders[8];
byte waiting, working, late, absent;
/* how often the refresh token or its authority was replaced; how many processes run. */
byte changes, running;

/* What must never be so. */
hidden byte spentTwice, tooSoon, lost, missed, killed, blamed, resurrected, leftOver;
hidden byte i;

#ifdef WITHOUT_LEASE
#define lease_free true
#else
#define lease_free (owner == 0 || !leaseRuns)
#endif
#define in_doubt (attempt || doubt)
#ifdef WITHOUT_PATIENCE
#define may_ask true
#else
#define may_ask (!in_doubt || !accessRuns || (GRACE && graceRuns && !doubt))
#endif
#define claimable (status == ACTIVE && due && lease_free && may_ask)

/* A valid refresh token is in the row, or with somebody who will write it; else its process ended in the known window. */
inline checkKept() {
  lost = status != REVOKING && status != REVOKED && valid != 0 && !(valid & (bit(token) | held | gone));
  assert(!lost)
}

/* No two that are in time and alive spend one refresh token. */
inline checkSpending(p, t) {
  spentTwice = (spenders[t] & ~bit(p) & ~late & ~absent) && !((late | absent) & bit(p));
  assert(!spentTwice);
  spenders[t] = spenders[t] | bit(p)
}

inline issueFor(p) {
  issued++;
  if
  :: waiting & bit(p) -> answer[p] = issued; held = held | bit(issued)
  :: else -> gone = gone | bit(issued)
  fi
}

inline refuse(p, what) { if :: waiting & bit(p) -> answer[p] = what :: else fi }

/* The provider hears of a request whenever it does, be there somebody still who waits or not. */
proctype Hearing(byte p) {
  byte t;
end:
  atomic {
    request[p] != 0 -> t = request[p]; request[p] = 0;
    if
    :: earlier & bit(t) -> if :: refuse(p, INVALID) :: issueFor(p); earlier = earlier | bit(issued) fi
    :: valid & bit(t) ->
      if
      :: refuse(p, BUSY)
      :: checkSpending(p, t); spent = spent | bit(t); graceOf = (GRACE -> t : 0);
        issueFor(p); valid = valid & ~bit(t) | bit(issued)
      fi
    :: !((earlier | valid) & bit(t)) ->
      if
      :: graceOf == t && valid != 0 -> checkSpending(p, t); issueFor(p); valid = valid | bit(issued)
      :: graceOf != t || valid == 0 ->
        if :: spent & bit(t) -> checkSpending(p, t); valid = (REUSE -> 0 : valid) :: else fi;
        refuse(p, INVALID)
      fi
    fi;
    t = 0
  }
}

/* Its process ends. What it has or would have been given is in nobody's hands. */
inline leave(n) {
  absent = absent | bit(me);
  waiting = waiting & ~bit(me);
  if :: isToken(answer[me]) -> gone = gone | bit(answer[me]) :: else fi;
  if :: isToken(n) -> gone = gone | bit(n) :: else fi;
  held = held & ~gone;
  answer[me] = 0
}

inline mayCrash(n) { if :: true :: atomic { leave(n); goto done } fi }

#ifdef WITHOUT_FENCE_OF_FAIL
#define fail_matches true
#else
#define fail_matches (version == seen && owner == me)
#endif
#ifdef WITHOUT_MARK_KEPT
#define mark_kept false
#else
#define mark_kept true
#endif
#ifdef WITHOUT_DOUBT_KEPT
#define doubt_kept false
#else
#define doubt_kept true
#endif
#if defined(WITHOUT_FENCE)
#define commit_matches true
#elif defined(WITHOUT_FENCE_BY_VERSION)
#define commit_matches (owner == me)
#else
#define commit_matches (version == seen)
#endif

inline freeLease() { owner = 0; leaseRuns = false }
proctype Refresher(byte me) {
  byte seen, mine, fresh, before;
  bool repeated, hadDoubt;
#ifdef WITHOUT_RETURNING
  mine = token;
#endif
  atomic {
    if
    :: claimable ->
      tooSoon = (spent & bit(token)) && !(earlier & bit(token)) && accessRuns && !(GRACE && graceRuns && !doubt);
      assert(!tooSoon);
      owner = me; leaseRuns = true; graceRuns = GRACE; hadDoubt = doubt; doubt = in_doubt;
#ifndef WITHOUT_MARK
      attempt = true;
#endif
      seen = version; before = changes; working = working | bit(me);
#ifndef WITHOUT_RETURNING
      mine = token
#endif
    :: goto done
    fi
  }
  mayCrash(0);
  /* RELEASE: there is nothing to send. */
  if :: true :: atomic { if :: fail_matches -> attempt = doubt; doubt = hadDoubt; freeLease() :: else fi; goto done } fi;
  atomic { request[me] = mine; waiting = waiting | bit(me) }
listening:
  if
  :: atomic { answer[me] != 0 -> fresh = answer[me]; answer[me] = 0; waiting = waiting & ~bit(me) }
  :: atomic { leave(0) } goto done
  /* FAIL without an answer in time: what has become of the refresh token is unknown. One that comes late is committed still. */
  :: atomic { absent = absent | bit(me); if :: fail_matches -> attempt = attempt && mark_kept; freeLease() :: else fi; goto listening }
  fi;
  if
  :: atomic { fresh == BUSY -> if :: fail_matches -> attempt = doubt && doubt_kept; doubt = hadDoubt && doubt_kept; freeLease() :: else fi; goto done }
  :: atomic { fresh == INVALID ->
      if
      :: fail_matches ->
        killed = valid & bit(token); assert(!killed);
        blamed = !doubt && (spent & bit(token)); assert(!blamed);
        status = (doubt -> LOST_ROTATION : REAUTH_REQUIRED); attempt = false; freeLease()
      :: else
      fi;
      goto done
    }
  :: atomic { isToken(fresh) -> skip }
  fi;
#ifdef WITHOUT_PREPARING
  /* Sealing may need a key that cannot be had now. */
  if :: true :: atomic { held = held & ~bit(fresh); checkKept(); goto done } fi;
#endif
  mayCrash(fresh);
commit:
  atomic {
    if
    :: commit_matches ->
      resurrected = status == REVOKING || status == REVOKED; assert(!resurrected);
      token = fresh; version++; changes++; status = ACTIVE; attempt = false; doubt = false; freeLease();
      due = false; accessRuns = true;
      held = held & ~bit(fresh);
      checkKept();
      if :: true :: !repeated -> repeated = true; goto commit /* done, and not acknowledged */ fi
    :: else ->
      /* Only a new refresh token, or an authority that is new or gone, stands above what was just received. */
      missed = before == changes; assert(!missed);
      held = held & ~bit(fresh);
#ifndef WITHOUT_REVOKING_WHAT_CAME_LATE
      if :: (status == REVOKING || status == REVOKED) && (valid & bit(fresh)) -> valid = 0 :: else fi;
#endif
      checkKept()
    fi
  }
done:
  atomic {
    working = working & ~bit(me); running--;
    seen = 0; mine = 0; fresh = 0; before = 0; repeated = false
  }
}

/* The tenant connects again: a refresh token of another line, stored over whatever the row holds. */
proctype Consent() {
  byte given;
  atomic {
    earlier = bit(issued + 1) - 1; spent = 0; gone = 0; graceOf = 0;
    issued++; given = issued; valid = bit(given); held = bit(given)
  }
  atomic {
    token = given; status = ACTIVE; changes++; attempt = false; doubt = false; freeLease();
#ifndef WITHOUT_VERSION_OF_CONSENT
    version++;
#endif
    due = false; accessRuns = true; held = held & ~bit(given);
    checkKept();
    given = 0; running--
  }
}

proctype Revocation() {
  byte seen, told;
  atomic {
    status = REVOKING; changes++; attempt = false; doubt = false; freeLease();
#ifndef WITHOUT_VERSION_OF_REVOCATION
    version++;
#endif
    seen = version; told = token
  }
  atomic { if :: valid & bit(told) -> valid = 0 :: else fi }
  atomic {
    if :: version == seen && status == REVOKING -> status = REVOKED; token = 0 :: else fi;
    seen = 0; told = 0; running--
  }
}

/* Another access token, metadata, a new key: writes that leave the refresh token as they read it. */
proctype Rewriting() {
  byte seen, read;
  atomic { seen = version; read = token }
  atomic {
#ifndef WITHOUT_COMPARISON
    if :: version != seen || token != read -> goto done :: else fi;
#endif
    token = read;
#ifdef WITHOUT_KEEPING_THE_VERSION
    version++;
#endif
    checkKept();
done:
    seen = 0; read = 0; running--
  }
}

/* At the provider, of which nobody is told. */
proctype Disconnecting() {
  atomic { valid = 0; running-- }
}

active proctype Time() {
  byte ageings;
end:
  do
#ifndef WITHOUT_END_OF_LEASE
  :: atomic { leaseRuns -> leaseRuns = false; late = late | (working & bit(owner)) }
#endif
  :: atomic { accessRuns && due -> accessRuns = false }
  :: atomic { !due && ageings < AGEINGS -> due = true; ageings++ }
#if GRACE
  :: atomic { graceRuns -> graceRuns = false }
  /* Whoever asked in time is heard in time. */
  :: atomic { graceOf != 0 && !graceRuns && working == 0 -> graceOf = 0 }
#endif
  od
}

init {
  atomic {
    running = REFRESHERS + OTHERS;
    i = 1;
    do
    :: i <= REFRESHERS -> run Refresher(i); run Hearing(i); i++
    :: else -> break
    od;
    /* Other things that happen: each set of as many of them as OTHERS says. */
    i = OTHERS;
    if :: i > 0 -> run Consent(); i-- :: i < 4 fi;
    if :: i > 0 -> run Revocation(); i-- :: i < 3 fi;
    if :: i > 0 -> run Rewriting(); i-- :: i < 2 fi;
    if :: i > 0 -> run Disconnecting(); i-- :: i == 0 fi
  }
  running == 0;
  atomic {
    i = 1;
    do
    :: i <= REFRESHERS -> if :: request[i] != 0 -> goto unheard :: else fi; i++
    :: else -> break
    od;
    leftOver = status == REVOKED && valid != 0 && !(valid & gone);
    assert(!leftOver);
unheard:
    i = 0
  }
  /* Whoever ended where, the row can be claimed in the end. */
  !leaseRuns
}
