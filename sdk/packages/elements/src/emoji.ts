/** A small set, chosen for meetings; the platform's own picker has the rest. */
export const QUICK = ["👍", "❤️", "😂", "🎉", "😮", "🙏"] as const;

export const EMOJI = [
  ...QUICK,
  ..."😀 😄 😅 🙂 😉 😊 😍 😎 🤔 😐 🙄 😢 😭 😡 🤯 🙈 👎 👏 🙌 👋 ✌️ 💪 👀 ✋ 💚 💯 ✅ ❌ ❓ ❗ 🔥 ⭐ 🚀 💡".split(" "),
] as const;
