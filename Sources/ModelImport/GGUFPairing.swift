// SPDX-License-Identifier: Apache-2.0
import Files
import TokenModels

/// A tensor of a GGUF file and what it holds of a Hugging Face folder.
struct GGUFPairing: Sendable {
  /// llama.cpp's name for it.
  let name: String
  /// Parameters in a folder: one, or of experts, which are one tensor in the file, as many.
  let parameters: [String]
  /// Its sizes in the file, outermost first.
  let shape: [Int]
  /// The number of heads, if its rows are in llama.cpp's order for rotary embedding, nil if in no special one.
  var rotaryHeads: Int?
  /// What the file holds more than a folder: 1 for Gemma's normalisations, which multiply by 1 + w.
  var offset: Float = 0
}

extension GGUFFamily {
  /// All tensors of a model, those of rotary frequencies apart.
  func pairings(_ c: DecoderConfiguration) -> [GGUFPairing] {
    let vocabulary = [c.vocabularySize, c.hiddenSize]
    var all = [GGUFPairing(name: "token_embd.weight", parameters: ["model.embed_tokens.weight"], shape: vocabulary)]
    for layer in 0..<c.layers {
      let (block, target) = ("blk.\(layer).", "model.layers.\(layer).")
      all += norms(c, block, target) + attention(c, block, target + "self_attn.") + mlp(c, block, target + "mlp.")
    }
    all.append(norm("output_norm", "model.norm", c.hiddenSize, c))
    if !c.tiesEmbeddings {
      all.append(GGUFPairing(name: "output.weight", parameters: ["lm_head.weight"], shape: vocabulary))
    }
    return all
  }

  private func norm(_ name: String, _ parameter: String, _ width: Int, _ c: DecoderConfiguration) -> GGUFPairing {
    GGUFPairing(
      name: name + ".weight", parameters: [parameter + ".weight"], shape: [width],
      offset: c.parts.normsAreOffset ? 1 : 0)
  }

  private func norms(_ c: DecoderConfiguration, _ block: String, _ target: String) -> [GGUFPairing] {
    let names: [(String, String)] =
      switch c.parts.norms {
      case .before: [("attn_norm", "input_layernorm"), ("ffn_norm", "post_attention_layernorm")]
      case .after:
        [("post_attention_norm", "post_attention_layernorm"), ("post_ffw_norm", "post_feedforward_layernorm")]
      case .around:
        [
          ("attn_norm", "input_layernorm"), ("post_attention_norm", "post_attention_layernorm"),
          ("ffn_norm", "pre_feedforward_layernorm"), ("post_ffw_norm", "post_feedforward_layernorm"),
        ]
      }
    return names.map { norm(block + $0.0, target + $0.1, c.hiddenSize, c) }
  }

  private func attention(_ c: DecoderConfiguration, _ block: String, _ target: String) -> [GGUFPairing] {
    let (queries, keys) = (c.heads * c.headDimension, c.keyValueHeads * c.headDimension)
    let hasOutputBias = c.parts.outputBias ?? c.attentionBias
    let output = linear(block + "attn_output", target + "o_proj", c.hiddenSize, queries, bias: hasOutputBias)
    if c.fusesProjections {
      return linear(block + "attn_qkv", target + "qkv_proj", queries + 2 * keys, c.hiddenSize, bias: false) + output
    }
    var all = linear(
      block + "attn_q", target + "q_proj", queries, c.hiddenSize, bias: c.attentionBias,
      heads: rotatesNeighbours ? c.heads : nil)
    all += linear(
      block + "attn_k", target + "k_proj", keys, c.hiddenSize, bias: c.attentionBias,
      heads: rotatesNeighbours ? c.keyValueHeads : nil)
    all += linear(block + "attn_v", target + "v_proj", keys, c.hiddenSize, bias: c.attentionBias) + output
    if let norms = c.parts.queryKeyNorm {
      let widths = norms == .eachHead ? (c.headDimension, c.headDimension) : (queries, keys)
      all.append(norm(block + "attn_q_norm", target + "q_norm", widths.0, c))
      all.append(norm(block + "attn_k_norm", target + "k_norm", widths.1, c))
    }
    return all
  }

  private func mlp(_ c: DecoderConfiguration, _ block: String, _ target: String) -> [GGUFPairing] {
    let (hidden, inner) = (c.hiddenSize, c.intermediateSize)
    if let experts = c.parts.experts { return self.experts(experts, hidden, block, target) }
    let down = linear(block + "ffn_down", target + "down_proj", hidden, inner, bias: c.mlpBias)
    if c.fusesProjections {
      return linear(block + "ffn_up", target + "gate_up_proj", 2 * inner, hidden, bias: false) + down
    }
    return linear(block + "ffn_gate", target + "gate_proj", inner, hidden, bias: c.mlpBias)
      + linear(block + "ffn_up", target + "up_proj", inner, hidden, bias: c.mlpBias) + down
  }

  /// The experts of a layer, `[E, out, in]`, and what chooses them.
  private func experts(
    _ experts: DecoderParts.Experts, _ hidden: Int, _ block: String, _ target: String
  ) -> [GGUFPairing] {
    func all(_ name: String, _ projection: String, _ outputs: Int, _ inputs: Int) -> GGUFPairing {
      GGUFPairing(
        name: block + name + ".weight",
        parameters: (0..<experts.count).map { "\(target)experts.\($0).\(projection).weight" },
        shape: [experts.count, outputs, inputs])
    }
    let inner = experts.intermediateSize
    return linear(block + "ffn_gate_inp", target + "gate", experts.count, hidden, bias: false) + [
      all("ffn_gate_exps", "gate_proj", inner, hidden), all("ffn_up_exps", "up_proj", inner, hidden),
      all("ffn_down_exps", "down_proj", hidden, inner),
    ]
  }

  private func linear(
    _ name: String, _ parameter: String, _ outputs: Int, _ inputs: Int, bias: Bool, heads: Int? = nil
  ) -> [GGUFPairing] {
    let weight = GGUFPairing(
      name: name + ".weight", parameters: [parameter + ".weight"], shape: [outputs, inputs], rotaryHeads: heads)
    guard bias else { return [weight] }
    return [
      weight,
      GGUFPairing(name: name + ".bias", parameters: [parameter + ".bias"], shape: [outputs], rotaryHeads: heads),
    ]
  }
}
