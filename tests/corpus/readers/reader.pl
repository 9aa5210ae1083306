#!/usr/bin/perl
# What CGI.pm (OpenXPKI's reader) makes of query strings: one in hex on each line of input, the first and the
# last operation of it on each line of output, separated by a space, also in hex with a '=' in front.
use strict;
use warnings;
use CGI;
while (my $line = <STDIN>) {
	chomp $line;
	$ENV{REQUEST_METHOD} = 'GET';
	CGI::initialize_globals();
	my @values = CGI->new(pack('H*', $line))->multi_param('operation');
	@values = ('') unless @values;
	print join(' ', map { '=' . unpack('H*', $_ // '') } $values[0], $values[-1]), "\n";
}
