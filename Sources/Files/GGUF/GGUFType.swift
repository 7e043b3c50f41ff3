// SPDX-License-Identifier: Apache-2.0
/// The formats of a GGUF file's tensors that dist2 reads; the raw value is ggml's number for them.
public enum GGUFType: UInt32, Sendable, CaseIterable {
  /// IEEE 754 single.
  case f32 = 0
  /// IEEE 754 half.
  case f16 = 1
  /// 32 elements of 4 bits and a scale.
  case q4_0 = 2
  /// 32 elements of 4 bits, a scale and a minimum.
  case q4_1 = 3
  /// 32 elements of 5 bits and a scale.
  case q5_0 = 6
  /// 32 elements of 5 bits, a scale and a minimum.
  case q5_1 = 7
  /// 32 elements of 8 bits and a scale.
  case q8_0 = 8
  /// 256 elements of 2 bits; a scale and a minimum of 4 bits for each 16.
  case q2_K = 10
  /// 256 elements of 3 bits; a scale of 6 bits for each 16.
  case q3_K = 11
  /// 256 elements of 4 bits; a scale and a minimum of 6 bits for each 32.
  case q4_K = 12
  /// 256 elements of 5 bits; a scale and a minimum of 6 bits for each 32.
  case q5_K = 13
  /// 256 elements of 6 bits; a scale of 8 bits for each 16.
  case q6_K = 14
  /// 32 numbers of 16 unevenly spaced levels, and a scale.
  case iq4_NL = 20
  /// 256 of the same; a scale of 6 bits for each 32.
  case iq4_XS = 23
  /// The upper half of a single.
  case bf16 = 30
  /// 32 floats of 4 bits, and a power of two (OCP MX).
  case mxfp4 = 39

  /// ggml's name for it, `Q4_K`.
  public var name: String { Self.names[rawValue]! }

  /// Elements of one block; the length of a row is a multiple of it.
  public var blockLength: Int {
    switch self {
    case .f32, .f16, .bf16: 1
    case .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .iq4_NL, .mxfp4: 32
    case .q2_K, .q3_K, .q4_K, .q5_K, .q6_K, .iq4_XS: 256
    }
  }

  /// Bytes of one block.
  public var blockBytes: Int {
    switch self {
    case .f32: 4
    case .f16, .bf16: 2
    case .q4_0: 2 + 16
    case .q4_1: 2 + 2 + 16
    case .q5_0: 2 + 4 + 16
    case .q5_1: 2 + 2 + 4 + 16
    case .q8_0: 2 + 32
    case .q4_K: 2 + 2 + 12 + 128
    case .q5_K: 2 + 2 + 12 + 32 + 128
    case .q6_K: 128 + 64 + 16 + 2
    case .q2_K: 16 + 64 + 2 + 2
    case .q3_K: 32 + 64 + 12 + 2
    case .iq4_NL: 2 + 16
    case .iq4_XS: 2 + 2 + 4 + 128
    case .mxfp4: 1 + 16
    }
  }

  /// The names of all of ggml's formats, so that one that is not read here is at least named.
  static let names: [UInt32: String] = [
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 6: "Q5_0", 7: "Q5_1", 8: "Q8_0", 9: "Q8_1", 10: "Q2_K", 11: "Q3_K",
    12: "Q4_K", 13: "Q5_K", 14: "Q6_K", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S",
    20: "IQ4_NL", 21: "IQ3_S", 22: "IQ2_S", 23: "IQ4_XS", 24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64",
    29: "IQ1_M", 30: "BF16", 34: "TQ1_0", 35: "TQ2_0", 39: "MXFP4", 40: "NVFP4", 41: "Q1_0",
  ]
}
