// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// Architectures that model folders are opened as, by `model_type` of `config.json`. A package that brings its own adds
/// it when the program starts; loading, training, scoring and generation then know it:
///
///     ArchitectureRegistry.add(MyModel.self)
///
/// All functions may be called from any thread.
public enum ArchitectureRegistry {
  /// The last that is meant is taken. To add one here: its file, and its type in this list.
  private static let architectures = Mutex<[any PretrainedModel.Type]>([
    LlamaGen.self, Phi3Vision.self, Llava.self, PaliGemma.self, SmolVLM.self, Gemma3Vision.self, LlavaOnevision.self,
    QwenVL.self, GPT2.self, GPTNeoX.self, CausalLM.self, SequenceClassifier.self,
  ])

  /// Adds an architecture, once, which is asked before those that are known: it may take the place of one.
  public static func add(_ architecture: any PretrainedModel.Type) {
    architectures.withLock { known in
      known.removeAll { $0 == architecture }
      known.append(architecture)
    }
  }

  /// Every `model_type` that is known, sorted.
  public static var modelTypes: [String] {
    Set(architectures.withLock { $0.flatMap { $0.modelTypes } }).sorted()
  }

  /// The architecture of a `model_type`, nil if there is none.
  ///
  /// - Parameter classes: `architectures` of `config.json`, which tell those apart that share a type.
  public static func architecture(_ modelType: String, classes: [String] = []) -> (any PretrainedModel.Type)? {
    architectures.withLock { known in
      known.last { $0.modelTypes.contains(modelType) && $0.isMeant(by: classes) }
    }
  }
}
