#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# mailtrackctl on SQLite stores of its own, without a server: every subcommand
# with good and bad input, what it must refuse, what a kill or a full disk
# leaves behind, and that the manual page, --help and the program agree.

use strict;
use warnings;
use Fcntl qw(:mode);
use File::Temp ();
use Mailtrack::Proc qw(reap run_command spawn wait_until);
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

my $source = $ENV{MAILTRACK_SOURCE} // '.';
my $build  = $ENV{MAILTRACK_BUILD}  // "$source/build/test";
my $ctl    = "$build/mailtrackctl";
my $dir    = File::Temp->newdir('/tmp/mt-ctl-XXXXXX');
my $store  = "$dir/store/mailtrack.db";
my $owner  = $$;
my @mounted;
END {
    my $status = $?;
    system 'umount', $_ for $$ == $owner ? @mounted : ();
    $? = $status;
}

my $stdin = '';
sub run_on {
    my ($at, @args) = @_;
    return run_command($stdin, { ASAN_OPTIONS => 'exitcode=99' }, $ctl,
        '--store', $at, @args);
}
sub ctl { return run_on($store, @_) }

# A command that works: its stdout.
sub works {
    my ($name, @args) = @_;
    my ($code, $out, $err) = ctl(@args);
    is $code, 0, $name or diag "$out$err";
    return $out;
}

# One that fails with this code and one line on stderr, nothing else.
sub fails {
    my ($name, $want, $words, @args) = @_;
    my ($code, $out, $err) = ref $args[0] ? run_on(@{ $args[0] })
      : ctl(@args);
    is $code, $want, "$name: exit $want" or diag "$out$err";
    like $err, qr/\Amailtrackctl: [^\n]*(?:$words)[^\n]*\n\z/, "$name: one line";
    cmp_ok length $err, '<', 1200, "$name: not endless";
    return $err;
}

sub sql {
    my ($at, $query) = @_;
    my ($code, $out, $err) = run_command('', {}, 'sqlite3', '-cmd',
        '.timeout 5000', $at, $query);
    is $code, 0, 'sqlite3' or diag "$query: $err";
    chomp $out;
    return $out;
}

sub mode { return S_IMODE((stat $_[0])[2]) }

# -- help and the manual page -----------------------------------------------

my ($code, $out, $err) = run_command('', {}, $ctl, '--help');
is $code, 0, '--help';
my @commands = $out =~ /^  ([a-z]+(?: [a-z-]+)?)(?: [A-Z]+)? {2,}\S/mg;
cmp_ok scalar @commands, '>', 10, 'the commands are listed';
open my $page, '<', "$source/mod_mailtrack/ctl/mailtrackctl.8" or die $!;
my $manual = do { local $/; <$page> };
my @documented =
  map { s/ (?:Oo|Ar|Fl) .*//r } $manual =~ /^\.It Cm (.*)$/mg;
is_deeply [ sort @documented ], [ sort @commands ],
  'the manual page and --help have the same commands';
for my $command (@commands) {
    my ($c, $o, $e) = run_command('', {}, $ctl, split(/ /, $command),
        '--help');
    is "$c$e", '0', "$command --help";
    my ($c2, $o2) = run_command('', {}, $ctl, 'help', split / /, $command);
    is $o2, $o, "help $command says the same";
    my %shown = map { $_ => 1 } $o =~ /^  --([a-z-]+)/mg;
    my ($item) = $manual =~ /^(\.It Cm \Q$command\E(?: (?:Oo|Ar|Fl)[^\n]*)?)$/m;
    my %paged = map { $_ => 1 } $item =~ /Fl -([a-z-]+)/g;
    is_deeply \%paged, \%shown, "$command: the page has its options";
}
($code, $out) = run_command('', {}, $ctl, '--version');
like $out, qr/\Amailtrackctl \d+\.\d+\.\d+\n\z/, '--version';
is +(run_command('', {}, $ctl, 'help', 'user'))[0], 0, 'help of a group';

# -- the command line -------------------------------------------------------

fails 'no command', 2, 'expected a command: init, migrate';
fails 'unknown command', 2, q(unknown command 'frobnicate'), 'frobnicate';
fails 'half a command', 2, 'expected one of user add, user passwd', 'user';
fails 'unknown option', 2, q(unknown option '--rolle': expected --role),
  'user', 'add', 'x', '--rolle', 'admin';
fails 'short option', 2, 'unknown option', '-x', 'status';
fails 'operand missing', 2, 'expected NAME', 'key', 'add';
fails 'operand too many', 2, q(unexpected 'b': expected one NAME),
  'key', 'add', 'a', 'b';
fails 'no operand wanted', 2, q(unexpected 'b': expected no operand),
  'status', 'b';
fails 'value missing', 2, '--role: expected ROLE', 'user', 'add', 'x',
  '--role';
fails 'value not wanted', 2, '--force takes no value', 'backup', 'x',
  '--force=1';
fails 'option twice', 2, '--role: expected once', 'user', 'add', 'x',
  '--role=user', '--role=user';
is +(run_command('', {}, $ctl, 'help', 'frob'))[0], 2, 'help of nothing';
fails 'terminal controls', 2, quotemeta('\x1b[31m\xff'), "\e[31m\xff";
fails 'a password in ps', 2, 'expected no password',
  [ 'pgsql:host=h password=geheim', 'status' ];
unlike +(run_on('pgsql:host=h password=geheim', 'status'))[2], qr/geheim/,
  'and it is not repeated';
fails 'store empty', 2, 'expected a store', [ '', 'status' ];

# -- init, migrate, status --------------------------------------------------

fails 'status without a store', 1, q(no such file; try: mailtrackctl --store ')
  . quotemeta($store) . q(' init), 'migrate';
fails 'init without its directory', 1, 'make its directory first', 'init';
mkdir "$dir/store" or die $!;
chmod 02770, "$dir/store";
my $gid = $> == 0 ? getgrnam 'www-data' : $) + 0;
chown $>, $gid, "$dir/store" if $> == 0;
{
    my $old = umask 077;
    like works('init', 'init'), qr/created and initialised, schema version \d+/,
      'init says what it did';
    umask $old;
}
is mode($store), 0660, 'mode 0660, whatever the umask';
is +(stat $store)[5], $gid, 'the directory gives its group';
like works('init again', 'init'), qr/already initialised/, 'says so';
like works('migrate', 'migrate'), qr/up to date/, 'nothing to migrate';
my $status = works('status', 'status');
like $status, qr/^state    ready\n/m, 'ready';
like $status, qr/^$_ +\S/m, "status has $_"
  for qw(store schema size wal mails opens users keys spool outbox monitors
  alerts);
{
    local $ENV{MAILTRACK_STORE} = $store;
    is +(run_command('', {}, $ctl, 'status'))[0], 0, 'MAILTRACK_STORE';
}
{
    open my $file, '>', "$dir/where" or die $!;
    print {$file} "$store\nmore\n";
    close $file;
    is +(run_command('', {}, $ctl, '--store-file', "$dir/where", 'status'))[0],
      0, '--store-file';
    open $file, '>', "$dir/where" or die $!;
    print {$file} "pgsql:host=h password=geheim\n";
    close $file;
    chmod 0644, "$dir/where";
    my ($c, $o, $e) = run_command('', {}, $ctl, '--store-file', "$dir/where",
        'status');
    is $c, 1, 'a readable file with a password is refused';
    unlike "$o$e", qr/geheim/, 'and the password not shown';
}
{
    open my $file, '>', "$dir/empty.db" or die $!;
    close $file;
    fails 'empty file', 1, ' init$', [ "$dir/empty.db", 'migrate' ];
    is +(run_on("$dir/empty.db", 'init'))[0], 0, 'init of an empty file';
    sql("$dir/foreign.db", 'CREATE TABLE t (x)');
    fails 'foreign', 1, 'holds something else', [ "$dir/foreign.db", $_ ]
      for qw(init migrate verify);
    is sql("$dir/foreign.db", 'SELECT count(*) FROM sqlite_master'), 1,
      'nothing was put into it';
    open $file, '>', "$dir/text.db" or die $!;
    print {$file} "no database at all\n" x 100;
    close $file;
    fails 'text', 1, 'not a database', [ "$dir/text.db", 'init' ];
    is -s "$dir/text.db", 1900, 'left as it was';
    run_on("$dir/newer.db", 'init');
    sql("$dir/newer.db", 'INSERT INTO schema_migrations VALUES'
      . q[ (99, 'later', 1)]);
    fails 'newer', 1, 'later release|this program speaks',
      [ "$dir/newer.db", $_ ] for qw(init migrate verify);
    is +(run_on("$dir/newer.db", 'status'))[0], 1, 'status of a newer one';
}
for my $round (1 .. 5) {
    my @pids = map {
        spawn("$dir/log", {}, $dir, $ctl, '--store', "$dir/r$round.db", 'init')
    } 1 .. 3;
    is_deeply [ map { reap($_, 30) } @pids ], [ 0, 0, 0 ], 'three init at once';
    is sql("$dir/r$round.db", 'SELECT count(*) FROM schema_migrations WHERE'
      . ' version = 2'), 1, 'one schema';
}
{
    # as the first release left it: two at once bring it to the present one
    my $first = "$dir/first.db";
    my $schema = do {
        open my $file, '<', "$source/sql/sqlite/001-initial.sql" or die $!;
        local $/; <$file>;
    };
    sql($first, 'PRAGMA journal_mode=WAL; CREATE TABLE schema_migrations'
      . ' (version BIGINT NOT NULL PRIMARY KEY, name VARCHAR(64) NOT NULL,'
      . ' applied_at BIGINT NOT NULL); INSERT INTO schema_migrations VALUES'
      . " (1, 'initial', 1); $schema");
    my @pids = map {
        spawn("$dir/log", {}, $dir, $ctl, '--store', $first, 'migrate')
    } 1 .. 2;
    is_deeply [ map { reap($_, 30) } @pids ], [ 0, 0 ], 'two migrate at once';
    is +(run_on($first, 'status'))[0], 0, 'and it is ready';
}
SKIP: {
    skip 'root may write anywhere', 3 if $> == 0;
    mkdir "$dir/closed", 0500 or die $!;
    fails 'unwritable directory', 1, 'ermission', [ "$dir/closed/m.db", 'init' ];
}

# -- users ------------------------------------------------------------------

fails 'no password', 1, 'no password', 'user', 'add', 'ann';
$stdin = "short\n";
fails 'short password', 1, '8', 'user', 'add', 'ann';
$stdin = "not\0utf8 at all\n";
fails 'NUL in it', 1, 'NUL', 'user', 'add', 'ann';
$stdin = "\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8\n";
fails 'no UTF-8', 1, 'not UTF-8', 'user', 'add', 'ann';
$stdin = 'x' x 100_000 . "\n";
fails 'endless password', 1, 'too long', 'user', 'add', 'ann';
$stdin = "correct horse\r\nnext line\n";
works 'user add', qw(user add ann --role admin);
like sql($store, q(SELECT password || role FROM users WHERE name = 'ann')),
  qr/^\$2y\$.*admin$/, 'bcrypt and the role';
fails 'same name', 1, 'exists', qw(user add ann);
fails 'wrong role', 2, '--role: expected admin or user',
  qw(user add bob --role root);
fails 'name not UTF-8', 2, 'NAME: expected UTF-8', 'user', 'add', "b\xff";
fails 'name of 64 KB', 2, 'expected 1 to 64 characters', 'user', $_,
  'n' x 65_536 for qw(add passwd remove);
fails 'empty name', 2, 'expected 1 to 64', 'user', 'add', '';
fails 'controls', 2, 'no control characters', 'user', 'add', "a\nb";
works 'a name with a dash', qw(user add), '--', '-dash';
works 'a name in UTF-8', qw(user add), "J\xc3\xb6rg";
my $users = works 'user list', qw(user list);
like $users, qr/^\S+Z  admin  off   ann$/m, 'ann, admin';
like $users, qr/^\S+Z  user   off   J\xc3\xb6rg$/m, 'and a user';
my $hash = sql($store, q(SELECT password FROM users WHERE name = 'ann'));
my $for_ann = q(FROM users WHERE name = 'ann');
sql($store, "INSERT INTO totp (user_id, secret) SELECT id, 'ABC' $for_ann;"
  . " INSERT INTO recovery_codes (user_id, hash) SELECT id, 'x' $for_ann");
like works('user list', qw(user list)), qr/^\S+Z  admin  on    ann$/m,
  'with a second factor';
works 'user totp-reset', qw(user totp-reset ann);
is sql($store, 'SELECT (SELECT count(*) FROM totp) + count(*) FROM'
  . ' recovery_codes'), 0, 'it is gone, with its recovery codes';
fails 'nothing to reset', 1, 'has not switched TOTP on',
  qw(user totp-reset ann);
fails 'totp-reset of nobody', 1, q(no user 'eve'), qw(user totp-reset eve);
my $sessions = q[INSERT INTO sessions (hash, user_id, created_at, seen_at,]
  . qq[ ends_at, ip_address, user_agent) SELECT 'h', id, 1, 1, 1, '', ''];
sql($store, "$sessions $for_ann");
works 'user passwd', qw(user passwd ann);
is sql($store, 'SELECT count(*) FROM sessions'), 0, 'sessions end with it';
sql($store, "$sessions $for_ann; INSERT INTO totp (user_id, secret)"
  . " SELECT id, 'ABC' $for_ann");
isnt sql($store, q(SELECT password FROM users WHERE name = 'ann')), $hash,
  'another hash';
fails 'passwd of nobody', 1, q(no user 'eve'), qw(user passwd eve);
fails 'remove nobody', 1, q(no user 'eve'), qw(user remove eve);
$stdin = '';

# The terminal: asked for twice, without echo.
sub on_terminal {
    my ($answers, @args) = @_;
    my $command = join ' ', map { "'$_'" } $ctl, '--store', $store, @args;
    my $typing = join ' ', map { "sleep 1; echo '$_';" } @$answers;
    my ($c, $o) = run_command('', {}, 'sh', '-c',
        "($typing sleep 1) | script -qec \"$command\" /dev/null");
    return ($c, $o);
}
($code, $out) = on_terminal([ 'terminal word', 'terminal word' ],
    qw(user add terry));
is $code, 0, 'a password from the terminal' or diag $out;
unlike $out, qr/terminal word/, 'is not echoed';
($code, $out) = on_terminal([ 'terminal word', 'other word 12' ],
    qw(user passwd terry));
is $code, 1, 'two that differ are refused';
like $out, qr/differ/, 'and said';

# -- keys -------------------------------------------------------------------

($code, $out, $err) = ctl(qw(key add browser --user ann));
is $code, 0, 'key add';
like $out, qr/\Amt_[A-Z2-7]{8}_\S{43}\n\z/, 'the key alone on stdout';
like $err, qr/shown once/, 'and what to know of it on stderr';
my ($prefix, $secret) = $out =~ /mt_(\w{8})_(\S+)/;
is sql($store, 'SELECT count(*) FROM api_keys WHERE hash LIKE'
  . " '%$secret%'"), 0, 'the store does not hold it';
fails 'scope', 2, '--scope: expected track or admin',
  qw(key add x --scope all);
fails 'whose', 1, q(no user 'eve'), qw(key add x --user eve);
fails 'name', 2, 'expected UTF-8', 'key', 'add', "\xc3";
fails 'long name', 2, 'expected 1 to 64', 'key', 'add', 'x' x 65_536;
works 'an admin key', 'key', 'add', 'the server', '--scope', 'admin';
my $keys = works 'key list', qw(key list);
like $keys, qr/^$prefix  track  valid +\S+Z  never +ann +browser$/m, 'listed';
like $keys, qr/^\w{8}  admin  valid  .* -  +the server$/m, 'nobody\'s too';
unlike $keys, qr/\Q$secret\E/, 'without the secret';
works 'key revoke, in lower case', 'key', 'revoke', lc $prefix;
fails 'again', 1, 'no valid key', 'key', 'revoke', $prefix;
fails 'unknown', 1, 'no valid key', qw(key revoke AAAAAAAA);
fails 'endless', 2, 'PREFIX', 'key', 'revoke', 'x' x 65_536;
like works('key list', qw(key list)), qr/^$prefix  track  revoked /m,
  'shown as revoked';
ctl(qw(key add second --user ann));
works 'user remove', qw(user remove ann);
is sql($store, 'SELECT (SELECT count(*) FROM totp) + count(*) FROM sessions'),
  0, 'nothing of hers is left to sign in with';
unlike works('key list', qw(key list)), qr/valid .*second/,
  'her keys went with her';
if (-c '/dev/full') {
    my ($c, $o, $e) = run_command('', {}, 'sh', '-c',
        "'$ctl' --store '$store' key add lost >/dev/full");
    is $c, 1, 'a key that cannot be shown is a failure';
    like $e, qr/revoke/, 'and what to do is said';
}

# -- backup -----------------------------------------------------------------

sub settle { return sql($_[0], 'PRAGMA wal_checkpoint(TRUNCATE)') }

my $backup = "$dir/backup.db";
works 'backup', 'backup', $backup;
is mode($backup), 0600, 'for the owner alone';
is_deeply [ glob "$backup?*" ], [], 'nothing lies beside it';
is sql($backup, 'PRAGMA integrity_check'), 'ok', 'whole';
is sql($backup, 'PRAGMA journal_mode'), 'delete', 'one file, no WAL';
fails 'backup over a file', 1, 'exists; try: --force', 'backup', $backup;
works 'backup --force', 'backup', $backup, '--force';
fails 'backup onto the store', 1, 'the store itself', 'backup', $store,
  '--force';
fails 'backup nowhere', 1, 'No such file', 'backup', "$dir/no/where";
fails 'backup of nothing', 1, 'init', [ "$dir/none.db", 'backup', $backup ];
fails 'backup of another database', 1, 'something else',
  [ "$dir/foreign.db", 'backup', "$dir/b2" ];
ok !-e "$dir/b2", 'leaves no file';
{
    # one that was killed left its half behind
    open my $file, '>', "$dir/b3.tmp" or die $!;
    print {$file} 'x' x 100_000;
    close $file;
    works 'backup over a dead one', 'backup', "$dir/b3";
    is sql("$dir/b3", 'PRAGMA integrity_check'), 'ok', 'whole';
    symlink $store, "$dir/b4.tmp" or die $!;
    is +(ctl('backup', "$dir/b4"))[0], 1, 'no symlink is followed';
    is +(ctl('status'))[0], 0, 'the store is as it was';
    link "$dir/b3", "$dir/b5.tmp" or die $!;
    fails 'backup into a good one', 1, 'has another name', 'backup', "$dir/b5";
    is sql("$dir/b3", 'PRAGMA integrity_check'), 'ok', 'which is still whole';
}
SKIP: {
    skip 'only root gives files away', 4 if $> != 0;
    open my $file, '>', "$dir/b6.tmp" or die $!;
    chown 65534, 65534, "$dir/b6.tmp" or die $!;
    fails "backup into another user's file", 1, "another user's", 'backup',
      "$dir/b6";
    is -s "$dir/b6.tmp", 0, 'nothing of it is there';
}
SKIP: {
    skip 'only root mounts', 4 if $> != 0;
    mkdir "$dir/small" or die $!;
    skip 'no mount here', 4
      if system qw(mount -t tmpfs -o size=64k none), "$dir/small";
    push @mounted, "$dir/small";
    fails 'full disk', 1, 'full|space', 'backup', "$dir/small/b";
    is_deeply [ glob "$dir/small/*" ], [], 'leaves nothing';
    system 'umount', pop @mounted;
}

# A writer that keeps two rows equal, in transactions of 5 ms.
sql($store, q(INSERT INTO settings VALUES ('a', '0'), ('b', '0')));
my $writer = fork() // die $!;
if (!$writer) {
    open my $db, '|-', 'sqlite3', '-cmd', '.timeout 5000', $store
      or POSIX::_exit(1);
    $db->autoflush(1);
    while (1) {
        print {$db} "BEGIN IMMEDIATE; UPDATE settings SET value = value + 1"
          . " WHERE name = 'a'; UPDATE settings SET value = value + 1"
          . " WHERE name = 'b'; COMMIT;\n" or last;
        sleep 0.005;
    }
    POSIX::_exit(0);
}
wait_until(sub { sql($store, q(SELECT value FROM settings WHERE name = 'a'))
    > 10 }, 10);
my $before = 0;
for my $round (1 .. 5) {
    works 'backup while somebody writes', 'backup', "$dir/live", '--force';
    my ($a, $b) = map { sql("$dir/live",
        "SELECT value FROM settings WHERE name = '$_'") } qw(a b);
    is $a, $b, 'one state of the store';
    cmp_ok $a, '>', $before, 'a later one each time';
    $before = $a;
}
kill 'KILL', $writer;
waitpid $writer, 0;

# -- restore ----------------------------------------------------------------

sql($store, "INSERT INTO settings VALUES ('mark', 'old'),"
  . " ('base_url', 'https://here.example')");
sql($store, q(INSERT INTO spool_offsets VALUES ('s.seg', 100, 1)));
works 'backup to restore', 'backup', "$dir/old", '--force';
sql($store, q(UPDATE settings SET value = 'new' WHERE name = 'mark'));
sql($store, "UPDATE settings SET value = 'https://now.example'"
  . " WHERE name = 'base_url'");
sql($store, q(UPDATE spool_offsets SET pos = 900));
sub mark { return sql($store, q(SELECT value FROM settings WHERE name = 'mark')) }

fails 'restore unasked', 2, 'expected --yes', 'restore', "$dir/old";
fails 'restore of nothing', 1, 'No such file', 'restore', "$dir/none",
  '--yes';
fails 'restore of text', 1, 'not a database', 'restore', "$dir/text.db",
  '--yes';
fails 'restore of a directory', 1, 'not a file', 'restore', "$dir", '--yes';
fails 'restore of another database', 1, 'no Mailtrack store', 'restore',
  "$dir/foreign.db", '--yes';
for my $sql ('CREATE TRIGGER x AFTER INSERT ON opens BEGIN DELETE FROM users;'
      . ' END', 'CREATE VIEW x AS SELECT 1') {
    unlink "$dir/strange";
    is +(run_command('', {}, 'sqlite3', "$dir/old", ".backup $dir/strange"))[0],
      0, 'a copy';
    is +(run_command('', {}, 'sqlite3', "$dir/strange", $sql))[0], 0, $sql;
    fails 'restore of what would run SQL', 1, 'triggers or views', 'restore',
      "$dir/strange", '--yes';
}
fails 'restore of a newer one', 1, 'later release', 'restore',
  "$dir/newer.db", '--yes';
fails 'restore of itself', 1, 'the store itself', 'restore', $store, '--yes';
fails 'restore into another database', 1, 'something else',
  [ "$dir/foreign.db", 'restore', "$dir/old", '--yes' ];
fails 'restore into a newer store', 1, 'later release|speaks',
  [ "$dir/newer.db", 'restore', "$dir/old", '--yes' ];
{
    open my $in, '<:raw', "$dir/old" or die $!;
    my $bytes = do { local $/; <$in> };
    substr($bytes, 8192, 4096) = 'x' x 4096;
    open my $file, '>:raw', "$dir/damaged" or die $!;
    print {$file} $bytes;
    close $file;
    fails 'restore of a damaged one', 1, '(?i)damaged|malformed', 'restore',
      "$dir/damaged", '--yes';
    truncate "$dir/damaged", 20_000;
    fails 'restore of half a one', 1, '(?i)damaged|malformed', 'restore',
      "$dir/damaged", '--yes';
}
is mark(), 'new', 'and nothing was touched';
my $inode = (stat $store)[1];
works 'restore', 'restore', "$dir/old", '--yes';
is mark(), 'old', 'the backup\'s content';
is +(stat $store)[1], $inode, 'in the same file';
is sql($store, 'PRAGMA journal_mode'), 'wal', 'still in WAL mode';
is sql($store, 'SELECT pos FROM spool_offsets'), 100,
  'the offsets fit the opens that are there now';
is sql($store, q(SELECT value FROM settings WHERE name = 'base_url')),
  'https://now.example', 'this installation\'s settings stay';
($code, $out) = on_terminal(['n'], 'restore', "$dir/old");
is $code, 1, 'no on the terminal';
like $out, qr/nothing was changed/, 'changes nothing';

# Killed half-way: the store has the old content or the new one, whole.
sql($store, "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n"
  . " WHERE i < 60000) INSERT INTO settings SELECT 'big' || i,"
  . " hex(randomblob(200)) FROM n");
works 'a big backup', 'backup', "$dir/big";
sql($store, q(DELETE FROM settings WHERE name LIKE 'big%'));
my %seen;
for my $round (1 .. 8) {
    sql($store, "UPDATE settings SET value = 'new' WHERE name = 'mark';"
      . " DELETE FROM settings WHERE name LIKE 'big%'; VACUUM");
    settle($store);
    my $pid = spawn("$dir/log", {}, $dir, $ctl, '--store', $store, 'restore',
        "$dir/big", '--yes');
    my $bytes = 3_000_000 * $round;
    wait_until(sub { (-s "$store-wal" || 0) > $bytes || !kill 0, $pid }, 20);
    kill 'KILL', $pid;
    reap($pid, 10);
    my $mark = mark();
    $seen{$mark}++;
    is sql($store, 'PRAGMA integrity_check'), 'ok', "killed: whole ($mark)";
    is sql($store, q(SELECT count(*) FROM settings WHERE name LIKE 'big%')),
      $mark eq 'new' ? 0 : 60_000, 'and all of one content';
}
ok $seen{new}, 'some were killed before the end';
is +(run_on($store, 'status'))[0], 0, 'ready after all that';

# A damaged store is what restore is for.
settle($store);
{
    open my $file, '+<:raw', $store or die $!;
    seek $file, 4096, 0;
    print {$file} 'x' x 40_960;
    close $file;
}
is +(ctl('restore', "$dir/old", '--yes'))[0], 0, 'a damaged store is restored';
is sql($store, 'PRAGMA integrity_check'), 'ok', 'and whole again';

done_testing;
