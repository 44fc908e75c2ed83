/*
 * One session's row, and all that may happen to it at the same time: requests that load it and set it, more than once
 * each; a logout, an expiry and the database's late deletion, a touch, a login under the same id. An answer may be lost,
 * whereupon the client library repeats the call, and a write may arrive after its caller has given up.
 *
 * Bounds: REQUESTS requests with SETS sets each, one of everything else, one write that arrives late. Times, sizes and
 * unreadable records are left out.
 * POLICY is MERGE, REJECT or LAST_WRITE_WINS. A macro WITHOUT_... takes one defence away: the run must then find a violation.
 */
#define MERGE 1
#define REJECT 2
#define LAST_WRITE_WINS 3
#ifndef POLICY
#define POLICY MERGE
#endif
#ifndef REQUESTS
#define REQUESTS 2
#endif
#ifndef OTHER_SETS
#define OTHER_SETS 1
#endif
#ifndef FAULTY
#define FAULTY 1
#endif
#ifndef SETS
#define SETS 2
#endif

/*
 * What a session holds: two keys that are sets of changes, where every set makes a change of its own; who the user is; and
 * for which user something was granted.
 */
#define ITEMS 63
#define NOTES (63 << 6)
#define USER (1 << 12)
#define GRANTED (3 << 13)
#define CHANGES (ITEMS | NOTES)
#define grant(content) ((((content) & USER) -> 2 : 1) << 13)

/* The row. A revision is a life, which no other has, and a number within it. */
bool exists = true;
bool alive = true;
byte life = 1;
byte number = 1;
byte record;
int content;

/* A write whose caller has given up, on its way to the database. */
bool late;
byte lateLife;
byte lateNumber;
byte lateRecord;
int lateContent;

/* Only to judge by: lives that have ended, changes whose set was answered to be stored, the latest life. */
byte ended;
int kept;
byte lives = 1;

/* What must never be so. */
hidden byte comesBack;
hidden byte mixed;
hidden byte lost;
hidden byte ownWrite;

hidden int written;

#define lives_on (exists && alive)

#ifdef WITHOUT_EXISTENCE
#define without_row true
#else
#define without_row false
#endif
#ifdef WITHOUT_EXPIRY
#define unexpired true
#else
#define unexpired alive
#endif
#ifdef WITHOUT_LIFE
#define same_life(l) true
#else
#define same_life(l) (life == l)
#endif
#ifdef WITHOUT_NUMBER
#define same_number(n) true
#else
#define same_number(n) (number == n)
#endif
#define may_update(l, n) (exists -> unexpired && same_life(l) && same_number(n) : without_row)

inline update(l, n, by, what) {
  /* Logout and expiry are final. */
  comesBack = (ended & (1 << l)) || (exists && life != l);
  assert(!comesBack);
  exists = true; alive = true; life = l; number = n + 1; record = by; content = what;
  /* No state that no request had: what was granted to one user, in a session of the other one. */
  mixed = (content & GRANTED) && (content & GRANTED) != grant(content);
  assert(!mixed);
#if POLICY != LAST_WRITE_WINS
  /* No lost update. */
  lost = (content & kept) != kept;
  assert(!lost)
#endif
}

inline remove() {
  exists = false; alive = false; number = 0; record = 0; content = 0; kept = 0
}

/* `base`: what the app's object held when it was last read or written; `mine`: what it holds; `seen`: what the row says. */
#define mine_changed(key) ((base ^ mine) & key)
#define both_changed(key) (mine_changed(key) && ((base ^ seen) & key))
#define pick(key) ((mine_changed(key) -> mine : seen) & key)

#if POLICY == MERGE
#ifdef WITHOUT_GUARD
#define guard_changed both_changed(USER)
#else
#define guard_changed (base != seen && (mine_changed(USER) || ((base ^ seen) & USER)))
#endif
#ifdef WITHOUT_COMPARISON
#define in_conflict guard_changed
#else
#define in_conflict (guard_changed || both_changed(ITEMS) || both_changed(NOTES) || both_changed(GRANTED))
#endif
#define to_write (pick(ITEMS) | pick(NOTES) | pick(USER) | pick(GRANTED))
#elif POLICY == REJECT
#define in_conflict (base != seen)
#define to_write mine
#else
#define in_conflict false
#define to_write mine
#endif

/* The number that a set's record has; 0 for the first one, 255 for the login's. */
#define record_of(request, set) ((request) * SETS + (set) + 1)
#define is_own(r) ((r) >= record_of(me, 0) && (r) < record_of(me, SETS))

#ifdef WITHOUT_OWN_RECORD
#define own_record false
#else
#define own_record (record == write)
#endif

#ifdef WITHOUT_MEMORY
#define remembers false
#else
#define remembers true
#endif

proctype Request(byte me) {
  byte seenLife, seenNumber, sets, write, unknown;
  int base, mine, seen, unknownMine;
  bool repeated;
  atomic {
    if
    :: lives_on -> seenLife = life; seenNumber = number; seen = content; base = content; mine = content
    :: else -> goto done
    fi
  }
  do
  :: sets < (me == 0 -> SETS : OTHER_SETS) ->
    atomic {
      if
      :: mine = mine | (1 << (me * SETS + sets))
      :: me + sets > 0 -> mine = mine | (1 << (me * SETS + sets + 6)) /* the first may as well be called items */
      :: mine = mine & ~GRANTED | grant(mine)
      :: mine = mine & ~GRANTED ^ USER
      fi;
      write = record_of(me, sets);
      sets++;
      if
      :: in_conflict || (mine == base && unknown == 0) -> goto next
      :: else
      fi
    }
attempt:
    true;
    atomic {
      written = to_write;
      if
      :: may_update(seenLife, seenNumber) ->
        if
        :: update(seenLife, seenNumber, write, written); goto stored
        :: me < FAULTY && !repeated -> repeated = true; update(seenLife, seenNumber, write, written); goto attempt
        :: me < FAULTY && unknown == 0 -> update(seenLife, seenNumber, write, written); unknown = write; unknownMine = mine
        :: me < FAULTY && unknown == 0 && !late -> unknown = write; unknownMine = mine;
          late = true; lateLife = seenLife; lateNumber = seenNumber; lateRecord = write; lateContent = written
        fi
      :: !lives_on || !same_life(seenLife) -> goto done /* refused */
      :: else ->
        if
        :: own_record -> goto stored
        :: else ->
          seen = content; seenNumber = number;
          if
          :: remembers && unknown != 0 && record == unknown -> base = unknownMine; unknown = 0
          :: else
          fi;
          if
          :: in_conflict || (POLICY != LAST_WRITE_WINS && unknown != 0) ->
            ownWrite = is_own(record);
            assert(!ownWrite);
            goto next
          :: else -> goto attempt
          fi
        fi
      fi;
      goto next;
stored:
      kept = kept | ((base ^ mine) & CHANGES);
      seenNumber = number; seen = content; unknown = 0; unknownMine = 0;
#ifdef WITHOUT_BASE
      base = content
#else
      base = mine
#endif
    }
next:
    skip
  :: else -> break
  od;
done:
  atomic {
    seenLife = 0; seenNumber = 0; sets = 0; write = 0; unknown = 0; base = 0; mine = 0; seen = 0; unknownMine = 0;
    repeated = false
  }
}

active proctype Logout() {
  atomic { ended = ended | (exists -> 1 << life : 0); remove() }
}

/* Time passes; the database deletes expired rows much later, if at all. */
active proctype Expiry() {
end:
  atomic { lives_on -> alive = false; ended = ended | (1 << life) }
endDeletion:
  atomic { exists && !alive -> remove() }
}

/* A session that was not loaded: inserted where no row lives, else it goes over the row, which is counted. */
active proctype Login() {
  int fresh;
  atomic {
    if :: fresh = 0 :: fresh = USER fi;
    if
    :: lives_on -> number++; kept = 0
    :: else -> lives++; life = lives; number = 1; exists = true; alive = true; kept = 0
    fi;
    record = 255; content = fresh; fresh = 0
  }
}

active proctype LateWrite() {
end:
  atomic {
    late;
    if
    :: may_update(lateLife, lateNumber) -> update(lateLife, lateNumber, lateRecord, lateContent)
    :: else
    fi;
    late = false; lateLife = 0; lateNumber = 0; lateRecord = 0; lateContent = 0
  }
}

#ifdef WITHOUT_CONDITION_OF_TOUCH
active proctype Touch() {
  byte loaded;
  atomic { lives_on -> loaded = life }
  atomic { comesBack = ended & (1 << loaded); assert(!comesBack); exists = true; alive = true }
}
#endif

init {
  byte me;
  atomic {
    do
    :: me < REQUESTS -> run Request(me); me++
    :: else -> break
    od;
    me = 0
  }
}
