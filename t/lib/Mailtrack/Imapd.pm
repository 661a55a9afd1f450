# SPDX-License-Identifier: MIT
package Mailtrack::Imapd;

# An IMAP server that does what a test tells it, also what no server should:
#
#   my $server = Mailtrack::Imapd->new($dir, capability => 'IMAP4rev1',
#       on => { SELECT => sub { my ($io, $tag, $args) = @_; ...; return 1 } });
#
# One mailbox (and Junk) of mails that are files in $dir, so that the test and
# every connection see the same: $server->deliver($text). What clients said is
# in $server->said. `on` replaces commands (true: it was answered); GREETING is
# one. Ends with the object.

use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use Mailtrack::Proc ();
use POSIX ();
use Time::HiRes qw(sleep);

sub new {
    my ($class, $dir, %option) = @_;
    my $self = bless { capability => 'IMAP4rev1 IDLE UIDPLUS SPECIAL-USE',
        validity => 7, uidnext => 1, junk => 'Junk', on => {}, %option,
        dir => $dir }, $class;
    mkdir $_ for $dir, "$dir/INBOX", "$dir/Junk";
    $self->{listener} = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        LocalPort => $option{port} // 0, ReuseAddr => 1, Listen => 20)
      or die "listen: $@";
    $self->{port} = $self->{listener}->sockport;
    $self->start;
    return $self;
}

sub port { return $_[0]{port} }

sub start {
    my ($self) = @_;
    $self->{owner} = $$;
    $self->{pid} = fork() // die "fork: $!";
    return if $self->{pid};
    setpgrp 0, 0;
    Mailtrack::Proc::_die_with_parent();
    $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP ALRM PIPE);
    $SIG{CHLD} = 'IGNORE';
    while (1) {
        my $io = $self->{listener}->accept or next;
        my $pid = fork() // next;
        next if $pid;
        eval { $self->serve($io) };
        POSIX::_exit(0);
    }
}

# All its connections end at once.
sub stop {
    my ($self) = @_;
    return if !$self->{pid} || $self->{owner} != $$;
    kill KILL => -$self->{pid};
    waitpid delete $self->{pid}, 0;
}

sub DESTROY { local $?; $_[0]->stop }

sub _uids {
    my ($self, $box) = @_;
    opendir my $dir, "$self->{dir}/$box" or return;
    return sort { $a <=> $b } grep { /^\d+$/ } readdir $dir;
}

sub deliver {
    my ($self, $text, $box) = @_;
    $box //= 'INBOX';
    my $next = "$self->{dir}/$box.next";
    my $uid = _read($next) || 1;
    _write($next, $uid + 1);
    _write("$self->{dir}/$box/.$uid", $text);
    rename "$self->{dir}/$box/.$uid", "$self->{dir}/$box/$uid";
    return $uid;
}

sub said { return _read("$_[0]{dir}/said") }

sub _read {
    my ($path) = @_;
    open my $file, '<:raw', $path or return '';
    local $/;
    return scalar(<$file>) // '';
}

sub _write {
    my ($path, $text) = @_;
    open my $file, '>:raw', $path or die "$path: $!";
    print {$file} $text;
    close $file or die "$path: $!";
}

# -- one connection -----------------------------------------------------------

sub serve {
    my ($self, $io) = @_;
    $io->autoflush(1);
    my $greet = $self->{on}{GREETING};
    print {$io} "* OK [CAPABILITY $self->{capability}] here\r\n"
      if !$greet || !$greet->($io);
    local $self->{seen} = 0;
    while (defined(my $line = <$io>)) {
        $line =~ s/\r?\n\z//;
        $self->_note($line);
        my ($tag, $name, $args) = $line =~ /^(\S+) (UID \S+|\S+) ?(.*)$/
          or next;
        my $hook = $self->{on}{uc $name};
        next if $hook && $hook->($io, $tag, $args, $self);
        my $method = '_' . lc($name) =~ tr/ /_/r;
        if   ($self->can($method)) { $self->$method($io, $tag, $args) }
        else                       { print {$io} "$tag BAD what is $name\r\n" }
        last if uc $name eq 'LOGOUT';
    }
}

sub _note {
    my ($self, $line) = @_;
    open my $file, '>>', "$self->{dir}/said" or return;
    print {$file} "$line\n";
}

sub _capability {
    my ($self, $io, $tag) = @_;
    print {$io} "* CAPABILITY $self->{capability}\r\n$tag OK\r\n";
}

sub _login  { print { $_[1] } "$_[2] OK in\r\n" }
sub _logout { print { $_[1] } "* BYE out\r\n$_[2] OK\r\n" }

sub _list {
    my ($self, $io, $tag, $args) = @_;
    my $use = $args =~ /SPECIAL-USE/;
    print {$io} "* LIST (\\HasNoChildren) \".\" INBOX\r\n" if !$use;
    print {$io} '* LIST (', $use ? '\\Junk' : '', ") \".\" \"$self->{junk}\"\r\n"
      if $self->{junk};
    print {$io} "$tag OK\r\n";
}

sub _select {
    my ($self, $io, $tag, $args) = @_;
    $self->{box} = $args =~ /INBOX"?$/ ? 'INBOX' : 'Junk';
    my @uids = $self->_uids($self->{box});
    $self->{seen} = @uids;
    print {$io} "* ${\ scalar @uids} EXISTS\r\n",
      "* OK [UIDVALIDITY $self->{validity}]\r\n",
      $self->{uidnext} ? "* OK [UIDNEXT " . $self->_next($self->{box}) . "]\r\n"
      : (), "$tag OK [READ-WRITE] selected\r\n";
}

sub _next { my ($self, $box) = @_; return _read("$self->{dir}/$box.next") || 1 }

sub _status {
    my ($self, $io, $tag, $args) = @_;
    print {$io} "* STATUS \"$self->{junk}\" (UIDNEXT ", $self->_next('Junk'),
      " UIDVALIDITY $self->{validity})\r\n$tag OK\r\n";
}

sub _tell {
    my ($self, $io) = @_;
    my $now = () = $self->_uids($self->{box});
    print {$io} "* $now EXISTS\r\n" if $now != $self->{seen};
    $self->{seen} = $now;
}

sub _noop {
    my ($self, $io, $tag) = @_;
    $self->_tell($io);
    print {$io} "$tag OK\r\n";
}

sub _idle {
    my ($self, $io, $tag) = @_;
    print {$io} "+ idling\r\n";
    my $select = IO::Select->new($io);
    $self->_tell($io) while !$select->can_read(0.02);
    my $line = <$io> // return;
    print {$io} "$tag OK idled\r\n";
}

sub _set {
    my ($self, $set) = @_;
    my @uids = $self->_uids($self->{box});
    my %wanted;
    for my $part (split /,/, $set) {
        my ($from, $to) = split /:/, $part;
        $_ = $_ eq '*' ? $uids[-1] // 0 : $_ for $from, $to // ();
        ($from, $to) = ($to, $from) if defined $to && $to < $from;
        $_ >= $from && $_ <= ($to // $from) and $wanted{$_} = 1 for @uids;
    }
    return grep { $wanted{$_} } @uids;
}

sub _uid_fetch {
    my ($self, $io, $tag, $args) = @_;
    my ($set, $what) = split / /, $args, 2;
    my @uids = $self->_uids($self->{box});
    for my $uid ($self->_set($set)) {
        my ($number) = grep { $uids[ $_ - 1 ] == $uid } 1 .. @uids;
        my $text = _read("$self->{dir}/$self->{box}/$uid");
        my ($head) = $text =~ /^(.*?\r\n\r\n)/s;
        my $body = $what =~ /FIELDS \(([^)]*)\)/
          ? _fields($head, split / /, $1) : $what =~ /\[\]/ ? $text : $head;
        $body = substr $body, 0, $1 if $what =~ /<0\.(\d+)>/;
        my ($section) = $what =~ /BODY\.PEEK(\[.*\])</;
        print {$io} "* $number FETCH (UID $uid INTERNALDATE ",
          '"', POSIX::strftime('%d-%b-%Y %H:%M:%S +0000', gmtime
            ((stat "$self->{dir}/$self->{box}/$uid")[9])), '" ',
          "BODY$section<0> {${\ length $body}}\r\n$body)\r\n";
    }
    print {$io} "$tag OK\r\n";
}

sub _fields {
    my ($head, @names) = @_;
    my $names = join '|', @names;
    return join('', $head =~ /^((?:$names):.*\r\n(?:[ \t].*\r\n)*)/gim) . "\r\n";
}

sub _fetch {
    my ($self, $io, $tag) = @_;
    my @uids = $self->_uids($self->{box});
    print {$io} "* ${\ scalar @uids} FETCH (UID $uids[-1])\r\n" if @uids;
    print {$io} "$tag OK\r\n";
}

sub _uid_search {
    my ($self, $io, $tag) = @_;
    my @found = grep {
        _read("$self->{dir}/$self->{box}/$_") =~ /^X-Mailtrack-Probe:/im
    } $self->_uids($self->{box});
    print {$io} join(' ', '* SEARCH', @found), "\r\n$tag OK\r\n";
}

sub _uid_store { print { $_[1] } "$_[2] OK\r\n" }

sub _uid_expunge {
    my ($self, $io, $tag, $set) = @_;
    unlink "$self->{dir}/$self->{box}/$_" for $self->_set($set);
    $self->_tell($io);
    print {$io} "$tag OK\r\n";
}

1;
