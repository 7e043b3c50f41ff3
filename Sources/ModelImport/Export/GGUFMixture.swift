// SPDX-License-Identifier: Apache-2.0
import Files
import TokenModels

extension GGUFExport.Format {
  /// llama.cpp's number for a file of this format (`LLAMA_FTYPE_…`).
  var fileType: UInt32 {
    switch self {
    case .f32: 0
    case .f16: 1
    case .q8_0: 7
    case .q4_K: 15
    case .bf16: 32
    }
  }

  /// The format of a tensor, as llama.cpp's `llama-quantize` chooses it.
  ///
  /// - Parameter isTied: whether the embedding table is the head as well.
  func type(of pairing: GGUFPairing, _ model: DecoderConfiguration, isTied: Bool) -> GGUFType {
    guard pairing.shape.count > 1, !pairing.name.hasSuffix("ffn_gate_inp.weight") else { return .f32 }
    switch self {
    case .f32: return .f32
    case .f16: return .f16
    case .bf16: return .bf16
    case .q8_0: return Self.fitting(.q8_0, pairing)
    case .q4_K: return Self.fitting(Self.mixed(pairing, model, isTied: isTied), pairing)
    }
  }

  /// Q4_K_M: more bits for the head, and in some layers for values and what leads out of the MLP.
  private static func mixed(_ pairing: GGUFPairing, _ model: DecoderConfiguration, isTied: Bool) -> GGUFType {
    let parts = pairing.name.split(separator: ".")
    switch parts[parts.count - 2] {
    case "output": return .q6_K
    case "token_embd": return isTied ? .q6_K : .q4_K
    case "attn_qkv": return .q5_K
    case "attn_v", "attn_k":
      if model.parts.experts?.count == 8 { return .q8_0 }
      return parts[2] == "attn_v" && hasMoreBits(pairing, model.layers) ? .q6_K : .q4_K
    case "attn_output": return model.parts.experts?.count == 8 ? .q5_K : .q4_K
    case "ffn_down", "ffn_down_exps": return hasMoreBits(pairing, model.layers) ? .q6_K : .q4_K
    default: return .q4_K
    }
  }

  /// The first and the last eighth of the layers, and every third between.
  private static func hasMoreBits(_ pairing: GGUFPairing, _ layers: Int) -> Bool {
    guard let layer = Int(pairing.name.split(separator: ".")[1]) else { return false }
    return layer < layers / 8 || layer >= 7 * layers / 8 || (layer - layers / 8) % 3 == 2
  }

  /// The format, or another where rows are no multiple of its blocks.
  private static func fitting(_ type: GGUFType, _ pairing: GGUFPairing) -> GGUFType {
    let length = pairing.shape[pairing.shape.count - 1]
    if length % type.blockLength == 0 { return type }
    let smaller: GGUFType =
      switch type {
      case .q4_K: .q5_0
      case .q5_K: .q5_1
      default: .q8_0
      }
    return length % smaller.blockLength == 0 ? smaller : .f16
  }
}
