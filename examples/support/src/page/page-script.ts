/** Runs in the browser: local times, countdowns, buttons that have to wait, and the status stream that outlives a restart. */
export const PAGE_SCRIPT = `
for (const time of document.querySelectorAll('time[datetime]')) {
  time.textContent = new Date(time.dateTime).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' })
}
const countdowns = [...document.querySelectorAll('time[data-until]')]
const two = (number) => String(number).padStart(2, '0')
function tick() {
  for (const time of countdowns) {
    const seconds = Math.max(0, Math.floor((time.dataset.until - Date.now()) / 1000))
    const days = Math.floor(seconds / 86400)
    const clock = [Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60, seconds % 60].map(two).join(':')
    time.textContent = (days === 0 ? '' : days === 1 ? '1 day ' : days + ' days ') + clock
  }
}
tick()
setInterval(tick, 1000)

for (const button of document.querySelectorAll('button[data-from]')) {
  setTimeout(() => { button.disabled = false }, button.dataset.from - Date.now())
}

const live = document.getElementById('live')
if (live) {
  let startedAt
  const events = new EventSource('/mcp/status')
  addEventListener('pagehide', () => events.close())
  events.onmessage = ({ data }) => {
    const status = JSON.parse(data)
    if (!status.authenticated) return location.reload()
    const restarted = startedAt !== undefined && startedAt !== status.serverStartedAt
    startedAt ??= status.serverStartedAt
    live.dataset.state = restarted ? 'restarted' : 'running'
    live.textContent = restarted ? 'server restarted, still signed in' : 'server running'
  }
  events.onerror = () => {
    live.dataset.state = 'stopped'
    live.textContent = 'server stopped, waiting for it'
  }
}
`
