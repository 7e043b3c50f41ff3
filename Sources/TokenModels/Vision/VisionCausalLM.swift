// SPDX-License-Identifier: Apache-2.0
public import Torch
public import TorchNN

/// A pretrained model that sees: a language model, and a way to embed images among its tokens.
///
///     x = embedding(ids), features of images in the places of their tokens,   hidden = language(x)
///
/// A model states its language model, its features and how an image is shown; the rest is the language model's. To add
/// one: a file with its modules, its configuration, and its type in ``ArchitectureRegistry``.
public protocol VisionCausalLM: PretrainedModel, VisionLanguageModel {
  /// The language model.
  var language: CausalLM { get }

  /// Embeddings of images among those of words: `[F, H]`, the tokens of one image after those of another.
  func features(of images: ImageInput) -> Tensor
}

extension VisionCausalLM {
  /// Whether blocks keep only their inputs in training and are computed again in the backward pass.
  public var checkpointsActivations: Bool {
    get { language.checkpointsActivations }
    set { language.checkpointsActivations = newValue }
  }
  /// Ids that the embedding has rows for.
  public var vocabularySize: Int { language.vocabularySize }
  /// Width H of the hidden states.
  public var hiddenSize: Int { language.hiddenSize }
  /// Longest sequence in tokens.
  public var contextLength: Int { language.contextLength }
  /// Sequences of more tokens than this have other angles (LongRoPE); nil for none.
  public var switchingLength: Int? { language.switchingLength }
  /// Whether images and question see each other.
  public var seesWholePrompts: Bool { language.configuration.parts.seesWholePrompts }
  /// The last projection, from hidden states `[N, H]` to logits `[N, V]`.
  public var head: OutputHead { language.head }

  /// Final hidden states: `[N, H]` with `rows`, else `[B, T, H]`.
  public func hidden(_ input: ModelInput, cache: KeyValueCache?, rows: Tensor?) -> Tensor {
    let words = language.embed(input.ids)
    let x = input.images.map { $0.placing(features(of: $0), in: words) } ?? words
    return language.hidden(x, input, cache: cache, rows: rows)
  }

  /// A cache for `batch` sequences of up to `capacity` tokens.
  public func makeCache(batch: Int, capacity: Int) -> KeyValueCache {
    language.makeCache(batch: batch, capacity: capacity)
  }

  /// Draws randomly initialised weights of this type on this device.
  public func initialise(generator: Generator, dtype: DType, device: Device) {
    initialiseSight(generator: generator, dtype: dtype, device: device)
    language.initialise(generator: generator, dtype: dtype, device: device)
  }

  /// Draws those of all parts but the language model: N(0, 1/inputs), and see `PatchEmbeddings`.
  func initialiseSight(generator: Generator, dtype: DType, device: Device) {
    for (_, part) in children where part !== language {
      part.initialise(standardDeviation: nil, generator: generator, dtype: dtype, device: device)
    }
    initialiseTables(generator: generator, dtype: dtype, device: device)
  }
}
