# SPDX-License-Identifier: MIT
package Mailtrack::Cyrus;

# A private Cyrus IMAP server, all it has in one directory. Its package cannot
# be installed beside Dovecot's, so imapd is taken out of it (cyrus-common, which
# has the rest, can). Needs root; a user is anybody whose password is "pw1".
#
#   my $cyrus = Mailtrack::Cyrus->new($dir) or skip $Mailtrack::Cyrus::why;
#   $cyrus->port
#
# Ends with the object.

use strict;
use warnings;
use IO::Socket::INET;
use IO::Socket::UNIX;
use Mailtrack::Proc qw(group_members run_command spawn wait_until);
use POSIX ();

our $why = '';
my $bin = '/usr/lib/cyrus/bin';

sub _imapd {
    my ($dir) = @_;
    return "$bin/imapd" if -x "$bin/imapd";
    mkdir "$dir/package";
    run_command('', {}, 'sh', '-c', "cd '$dir/package' && "
          . 'apt-get download cyrus-imapd && dpkg-deb -x *.deb .');
    return "$dir/package$bin/imapd";
}

sub new {
    my ($class, $dir) = @_;
    return _no('needs root') if $> != 0;
    return _no('no cyrus-common on this machine') if !-x "$bin/master";
    mkdir $dir;
    my $imapd = _imapd($dir);
    return _no('no imapd: apt-get download cyrus-imapd failed') if !-x $imapd;
    my $self = bless { dir => $dir, owner => $$, imapd => $imapd }, $class;
    my $free = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1);
    $self->{port} = $free->sockport;
    close $free;
    $self->_write;
    $self->_passwords;
    $self->{pid} = spawn("$dir/log", {}, $dir, "$bin/master", '-C',
        "$dir/imapd.conf", '-M', "$dir/cyrus.conf", '-p', "$dir/conf/pid");
    return $self if wait_until(sub { $self->_answers }, 20);
    return _no('it did not start');
}

sub _no { $why = $_[0]; return undef }

sub port { return $_[0]{port} }

sub _answers {
    my ($self) = @_;
    my $io = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$self->{port}",
        Timeout => 2) or return 0;
    $io->timeout(5);
    return (<$io> // '') =~ /OK/;
}

sub _write {
    my ($self) = @_;
    my $dir = $self->{dir};
    my ($uid, $gid) = (getpwnam 'cyrus')[ 2, 3 ];
    for my $path ('', qw(/conf /conf/db /conf/proc /conf/socket /conf/lock
        /conf/log /conf/msg /conf/quota /conf/sieve /conf/user /spool)) {
        mkdir "$dir$path";
        chown $uid, $gid, "$dir$path";
    }
    _file("$dir/imapd.conf", <<"END");
configdirectory: $dir/conf
partition-default: $dir/spool
defaultpartition: default
proc_path: $dir/conf/proc
mboxname_lockpath: $dir/conf/lock
idlesocket: $dir/conf/socket/idle
lmtpsocket: $dir/conf/socket/lmtp
notifysocket: $dir/conf/socket/notify
syslog_prefix: mailtrack-test
admins: cyrus
unixhierarchysep: yes
altnamespace: yes
allowplaintext: yes
sasl_mech_list: PLAIN
sasl_pwcheck_method: saslauthd
sasl_saslauthd_path: $dir/mux
autocreate_quota: 0
autocreate_inbox_folders: Junk
xlist-junk: Junk
specialusealways: yes
imapidlepoll: 1
END
    _file("$dir/cyrus.conf", <<"END");
START {
  recover cmd="$bin/ctl_cyrusdb -C $dir/imapd.conf -r"
}
SERVICES {
  imap cmd="$self->{imapd} -C $dir/imapd.conf" listen="127.0.0.1:$self->{port}" prefork=0 maxchild=20
}
EVENTS {
}
END
}

sub _file {
    my ($path, $text) = @_;
    open my $file, '>', $path or die "$path: $!";
    print {$file} $text;
    close $file or die "$path: $!";
}

# What saslauthd says: four counted words in, one out.
sub _passwords {
    my ($self) = @_;
    my $listener = IO::Socket::UNIX->new(Local => "$self->{dir}/mux",
        Listen => 10) or die "mux: $!";
    chmod 0777, "$self->{dir}/mux";
    $self->{helper} = fork() // die "fork: $!";
    return if $self->{helper};
    Mailtrack::Proc::_die_with_parent();
    $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP ALRM PIPE);
    while (1) {
        my $io = $listener->accept or next;
        my @words;
        for (1 .. 4) {
            read $io, my $length, 2;
            read $io, $words[ @words ], unpack('n', $length) // 0;
        }
        print {$io} pack 'n/a', $words[1] eq 'pw1' ? 'OK' : 'NO';
        close $io;
    }
}

sub DESTROY {
    my ($self) = @_;
    return if $self->{owner} != $$;
    local $?;
    for my $pid (grep { defined } @$self{qw(pid helper)}) {
        kill TERM => $pid;
        wait_until(sub { waitpid $pid, POSIX::WNOHANG() }, 5)
          or kill KILL => $pid;
    }
    kill KILL => group_members($self->{pid}) if $self->{pid};
}

1;
