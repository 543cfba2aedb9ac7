// Runs the machine code of AMX on processors without it: an instruction that the processor does not
// know raises SIGILL, whose handler decodes and emulates it, then goes on behind it. What a program
// does is checked thus, not what a processor does.
#pragma once

#if defined(__x86_64__) && defined(__linux__)
#include <signal.h>
#include <sys/ucontext.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>

#include "support/emulated_tiles.h"

namespace hypertune {

/// From here to its end, for the whole process. Not thread-safe.
class TrappedAmx {
 public:
  TrappedAmx() {
    struct sigaction action = {};
    action.sa_sigaction = emulate;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGILL, &action, &before_);
  }
  ~TrappedAmx() { sigaction(SIGILL, &before_, nullptr); }
  TrappedAmx(const TrappedAmx&) = delete;
  TrappedAmx& operator=(const TrappedAmx&) = delete;

 private:
  /// A three-byte VEX instruction of map 0F38 with W = 0 and L = 0, which all of AMX are.
  struct Instruction {
    int prefix = 0;  ///< 0, 1: 66, 2: F3, 3: F2
    int opcode = 0, mode = 0, reg = 0, rm = 0, vvvv = 0;
    std::uint8_t* base = nullptr;  ///< of memory, with displacement
    std::int64_t index = 0;        ///< of memory; here the stride
    const std::uint8_t* next = nullptr;
  };

  [[noreturn]] static void refuse(const char* why) {
    static_cast<void>(!write(STDERR_FILENO, why, std::strlen(why)));
    _exit(1);
  }

  static std::int64_t value(const mcontext_t& machine, int number) {
    constexpr int kPlaces[] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                               REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                               REG_R12, REG_R13, REG_R14, REG_R15};
    return machine.gregs[kPlaces[number]];
  }

  static Instruction decoded(const mcontext_t& machine) {
    const auto* code = reinterpret_cast<const std::uint8_t*>(machine.gregs[REG_RIP]);
    if (code[0] != 0xC4 || (code[1] & 0x1F) != 2 || (code[2] & 0x84) != 0)
      refuse("an unknown instruction that is none of AMX\n");
    const int x = (code[1] & 0x40) == 0 ? 8 : 0;
    const int b = (code[1] & 0x20) == 0 ? 8 : 0;
    Instruction i{.prefix = code[2] & 3,
                  .opcode = code[3],
                  .mode = code[4] >> 6,
                  .reg = (code[4] >> 3) & 7,
                  .rm = code[4] & 7,
                  .vvvv = ~(code[2] >> 3) & 15};
    code += 5;
    std::int64_t address = 0;
    bool relative = false;
    bool wide = i.mode == 2;
    if (i.mode != 3 && i.rm == 4) {
      const int sib = *code++;
      const int index = ((sib >> 3) & 7) + x;
      if (index != 4) i.index = value(machine, index) << (sib >> 6);
      if (i.mode == 0 && (sib & 7) == 5)
        wide = true;
      else
        address = value(machine, (sib & 7) + b);
    } else if (i.mode == 0 && i.rm == 5) {
      relative = wide = true;
    } else if (i.mode != 3) {
      address = value(machine, i.rm + b);
    }
    if (wide) {
      std::int32_t displacement = 0;
      std::memcpy(&displacement, code, sizeof displacement);
      address += displacement;
      code += sizeof displacement;
    } else if (i.mode == 1) {
      address += static_cast<std::int8_t>(*code++);
    }
    if (relative) address += reinterpret_cast<std::int64_t>(code);
    i.base = reinterpret_cast<std::uint8_t*>(address);
    i.next = code;
    return i;
  }

  static void emulate(int, siginfo_t*, void* context) {
    mcontext_t& machine = static_cast<ucontext_t*>(context)->uc_mcontext;
    const Instruction i = decoded(machine);
    const bool memory = i.mode != 3;
    auto& tiles = EmulatedTiles::registers;
    if (i.opcode == 0x49 && i.prefix == 0 && memory) {
      configure(i.base);
    } else if (!configured) {
      refuse("tiles were used before they were configured\n");
    } else if (i.opcode == 0x49 && i.prefix == 3 && !memory) {
      tiles[static_cast<std::size_t>(i.reg)] = {};
    } else if (i.opcode == 0x4B && i.prefix == 3 && memory) {
      EmulatedTiles::load(tiles[static_cast<std::size_t>(i.reg)], i.base, i.index);
    } else if (i.opcode == 0x4B && i.prefix == 2 && memory) {
      EmulatedTiles::store(tiles[static_cast<std::size_t>(i.reg)], i.base, i.index);
    } else if (i.opcode == 0x5C && i.prefix == 2 && !memory) {
      EmulatedTiles::multiply(tiles[static_cast<std::size_t>(i.reg)],
                              tiles[static_cast<std::size_t>(i.rm)],
                              tiles[static_cast<std::size_t>(i.vvvv)]);
    } else {
      refuse("an instruction of AMX that is not emulated\n");
    }
    machine.gregs[REG_RIP] = reinterpret_cast<greg_t>(i.next);
  }

  /// Palette 1, and eight tiles of 16 rows of 64 bytes: nothing else is emulated.
  static void configure(const std::uint8_t* operand) {
    std::uint8_t wanted[64] = {1};
    for (int tile = 0; tile < 8; ++tile) {
      wanted[16 + 2 * tile] = EmulatedTiles::kRowBytes;
      wanted[48 + tile] = EmulatedTiles::kRows;
    }
    if (std::memcmp(operand, wanted, sizeof wanted) != 0)
      refuse("another configuration of tiles\n");
    configured = true;
  }

  static inline thread_local bool configured = false;
  struct sigaction before_ = {};
};

}  // namespace hypertune

#endif
