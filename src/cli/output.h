// What the program prints: results on the standard output stream, everything else on the other one.
#pragma once

#include <string_view>

namespace hypertune {

/// Takes the places of standard streams that are closed, so that no file which is opened later gets
/// their numbers. Writing to such a stream fails.
void occupy_closed_streams();

/// Writes to the standard error stream. What cannot be written is lost: there is nobody to tell.
void print_notice(std::string_view text);

/// `hypertune: message` as a line of its own on the standard error stream.
void print_error(std::string_view message);

/// `cannot write the output: why`, on the standard error stream.
void print_lost_output(int error_number);

/// Writes what is still buffered of the results. Returns the exit code: `code`, or that of a failed
/// run (after a message) when all was well but results were lost.
int finish_output(int code);

}  // namespace hypertune
