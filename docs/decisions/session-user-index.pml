/*
 * The sessions of one user on DynamoDB: an item that lists them, rows that carry the user's tag, and no transaction over
 * both. Logins, a request, a logout, destroyAllOf and pruning, each in a process of its own that may end at any step.
 *
 * Bounds: LOGINS logins on KEYS session ids by two users; one request, one logout, one pruning; one destroyAllOf of user 1
 * and, where its process ended on the way, another one.
 * A macro WITHOUT_... takes one defence away: the run must then find a violation.
 */
#ifndef LOGINS
#define LOGINS 2
#endif
#ifndef KEYS
#define KEYS 2
#endif
#define NOBODY 255
#define bit(login) (1 << (login))
#define keyOf(login) ((login) % KEYS)

/* One row for each key: `record` is the id of the write that made it, 0 where there is no row; `tag` is a user, 0 for none. */
byte record[KEYS];
byte tag[KEYS];

/* The index item of each user: the entries of logins, and those that a destroyAllOf has moved aside. */
byte entries[3];
byte leaving[3];

/* Only to judge by. Whose login gave the row its tag; */
byte maker[KEYS];
/* whose write may still arrive, who was told that the session is stored, whose process ended on the way; */
byte underWay;
byte answered;
byte crashed;
/* which entries of user 1 were there when a destroyAllOf began that has returned; how many processes run. */
byte mustBeGone;
byte running;

/* What must never be so. */
hidden byte unlisted;
hidden byte survives;
hidden byte otherUsers;

hidden byte i;

#define listed(user) (entries[user] | leaving[user])

/* A row that carries a tag is found by way of the index at every moment, whoever has crashed. */
inline checkListed() {
  i = 0;
  do
  :: i < KEYS -> unlisted = tag[i] != 0 && !(listed(tag[i]) & bit(maker[i])); assert(!unlisted); i++
  :: else -> break
  od;
  i = 0
}

inline remove(k) {
  record[k] = 0; tag[k] = 0; maker[k] = NOBODY
}

inline put(k, user, write) {
  d_step {
    record[k] = write;
    if :: tag[k] != user -> tag[k] = user; maker[k] = me :: else fi;
    checkListed()
  }
}

inline mayCrash() {
  if :: true :: crashed = crashed | bit(me); goto done fi
}

/* A login with an id that has no row, or that gives the session standing there another user. */
proctype Login(byte me) {
  byte user, loaded;
  bool isNew;
  atomic {
    if :: user = 1 :: me > 0 -> user = 2 fi;
    loaded = record[keyOf(me)];
    isNew = (tag[keyOf(me)] != user)
  }
#ifdef WITHOUT_ENTRY_BEFORE_PUT
  atomic { if :: record[keyOf(me)] == loaded -> put(keyOf(me), user, me + 1) :: else -> goto done fi }
#endif
  atomic { if :: isNew -> entries[user] = entries[user] | bit(me) :: else fi }
#ifndef WITHOUT_ENTRY_BEFORE_PUT
  atomic { if :: record[keyOf(me)] == loaded -> put(keyOf(me), user, me + 1) :: else -> goto done fi }
#endif
  mayCrash();
#ifndef WITHOUT_CHECK_AFTER_PUT
  atomic {
    if
    :: isNew && !(entries[user] & bit(me))
    :: else -> answered = answered | bit(me); survives = user == 1 && isNew && (mustBeGone & bit(me)); assert(!survives); goto done
    fi
  }
  mayCrash();
  atomic {
#ifdef WITHOUT_UNDO_BY_TAG
    if :: record[keyOf(me)] == me + 1 -> remove(keyOf(me)) :: else fi
#else
    if :: tag[keyOf(me)] == user -> remove(keyOf(me)) :: else fi
#endif
  }
#else
  answered = answered | bit(me);
#endif
done:
  atomic { underWay = underWay & ~bit(me); user = 0; loaded = 0; isNew = false; running-- }
}

/* Changes a session of whatever user; the row may have been loaded at any earlier moment. */
proctype Request() {
  byte loaded;
  atomic { loaded = record[0]; if :: loaded == 0 -> goto done :: else fi }
  atomic { if :: record[0] == loaded -> record[0] = LOGINS + 1 :: else fi }
done:
  atomic { loaded = 0; running-- }
}

proctype Logout() {
  atomic { remove(0); running-- }
}

/* destroyAllOf(1): one pass. The store makes another one until there was nothing to remove, which ends no less. */
proctype DestroyAll() {
  byte before, found, login;
  bool again;
begin:
  before = listed(1);
  found = listed(1);
#if defined(WITHOUT_MOVE_BEFORE_ROWS)
  skip;
#elif defined(WITHOUT_LEAVING)
  entries[1] = entries[1] & ~found;
#else
  d_step { leaving[1] = leaving[1] | (entries[1] & found); entries[1] = entries[1] & ~found }
#endif
  do
  :: login < LOGINS && !(found & bit(login)) -> login++
  :: login < LOGINS && (found & bit(login)) ->
    atomic {
#ifdef WITHOUT_TAG_CONDITION
      if
      :: tag[keyOf(login)] == 2 -> otherUsers = true; assert(!otherUsers)
      :: else -> remove(keyOf(login))
      fi;
#else
      if :: tag[keyOf(login)] == 1 -> remove(keyOf(login)) :: else fi;
#endif
      login++
    }
  :: login == LOGINS -> break
  :: !again -> again = true; login = 0; goto begin /* crashed, and called again */
  od;
  login = 0;
#ifdef WITHOUT_MOVE_BEFORE_ROWS
  entries[1] = entries[1] & ~found;
#endif
  d_step {
    mustBeGone = before;
    /* What had been answered is gone; what was under way will not be answered (see Login). */
    again = false;
    i = 0;
    do
    :: i < KEYS -> survives = tag[i] == 1 && (before & answered & bit(maker[i])); assert(!survives); i++
    :: else -> break
    od;
    before = 0;
    found = 0;
    running--
  }
}

/* Removes an entry whose row is gone or another user's, if its login is too old to be under way. */
proctype Prune() {
  byte login;
  do
  :: login < LOGINS - 1 -> login++
  :: break
  od;
end:
#ifdef WITHOUT_AGE_OF_ENTRIES
  tag[keyOf(login)] != 1;
#else
  !(underWay & bit(login)) && tag[keyOf(login)] != 1;
#endif
  d_step {
    entries[1] = entries[1] & ~bit(login);
    leaving[1] = leaving[1] & ~bit(login);
    checkListed()
  }
}

init {
  byte login;
  atomic {
    maker[0] = NOBODY;
    maker[KEYS - 1] = NOBODY;
    running = LOGINS + 3;
    underWay = bit(LOGINS) - 1;
    do
    :: login < LOGINS -> run Login(login); login++
    :: else -> break
    od;
    run Request();
    run Logout();
    run DestroyAll();
    run Prune()
  }
  running == 0;
  d_step {
    /* A login that crashed was told nothing; its row is listed still, so that the next destroyAllOf finds it. */
    checkListed();
    i = 0;
    do
    :: i < KEYS -> survives = tag[i] == 1 && (mustBeGone & ~crashed & bit(maker[i])); assert(!survives); i++
    :: else -> break
    od;
    i = 0
  }
}
