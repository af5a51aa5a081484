"""What `studio.py` lets run in the page, and beside it."""

PLAIN = """
<!doctype html><style>body { margin: 0; font: 13px sans-serif } #list { position: absolute; left: 300px; top: 400px; width: 1040px;
height: 406px; overflow: auto } #body { position: relative; height: 2800000px } .aml-Grid-row { position: absolute; top: 0; left: 0;
display: flex; height: 28px; width: 1040px; contain: strict } .cell { width: 104px; height: 28px; line-height: 28px; padding: 0 8px;
box-sizing: border-box; overflow: hidden; white-space: nowrap }</style>
<div id="list" class="aml-Grid"><div id="body"></div></div><script>
const list = document.getElementById('list'); const drawn = 19; const pool = [];
for (let i = 0; i < drawn; i++) {
  const row = document.createElement('div');
  row.className = 'aml-Grid-row';
  for (let j = 0; j < CELLS; j++) {
    const cell = document.createElement('div');
    cell.className = 'cell'; cell.append(''); row.append(cell);
  }
  document.getElementById('body').append(row); pool.push({ row, at: -1 });
}
const draw = () => {
  const first = Math.max(0, Math.floor(list.scrollTop / 28) - 2);
  for (let at = first; at < first + drawn; at++) {
    const one = pool[at % drawn];
    if (one.at !== at) {
      one.at = at; one.row.style.transform = `translateY(${at * 28}px)`;
      for (const cell of one.row.children) cell.firstChild.data = `row ${at}`;
    }
  }
};
list.addEventListener('scroll', draw, { passive: true }); draw();
</script>
"""
STARTED = """
(() => { const timer = setInterval(() => {
  if (window.jupyterapp) { clearInterval(timer);
    window.jupyterapp.restored.then(() => { window.startedAfter = performance.now(); }); }
}, 1); })()
"""
SCROLL = """
([pixels, seconds]) => new Promise(done => {
  const grid = document.querySelector('.aml-Grid'); const gaps = []; const long = [];
  const observer = new PerformanceObserver(list => long.push(...list.getEntries().map(one => one.duration)));
  observer.observe({ type: 'longtask' });
  const began = performance.now(); let last = began; let blank = 0;
  const step = now => {
    gaps.push(now - last); last = now;
    grid.scrollTop += pixels;
    const rows = grid.querySelectorAll('.aml-Grid-row'); if (rows.length === 0) blank++;
    if (now - began < seconds * 1000) { requestAnimationFrame(step); }
    else { observer.disconnect(); done({ gaps, long, blank, top: grid.scrollTop }); }
  };
  requestAnimationFrame(step);
})
"""
CHART = """
([open, chart]) => new Promise(done => {
  const began = performance.now();
  const look = () => {
    const canvas = document.querySelector(chart);
    if (canvas && canvas.width > 0) { requestAnimationFrame(() => done(performance.now() - began)); }
    else { requestAnimationFrame(look); }
  };
  const found = [...document.querySelectorAll('.aml-RunPage:not(.lm-mod-hidden) [role=tab]')].find(one => one.textContent.startsWith(open));
  found.click(); look();
})
"""
LIVE = """
([began, seconds]) => new Promise(done => {
  const long = []; const gaps = []; const lags = []; let last = performance.now(); let asked = last;
  new PerformanceObserver(list => long.push(...list.getEntries().map(one => one.duration))).observe({ type: 'longtask' });
  const until = last + seconds * 1000;
  const step = now => {
    gaps.push(now - last); last = now;
    if (now - asked > 250) { asked = now;
      const columns = [...document.querySelectorAll('.aml-Grid-head [role=columnheader]')];
      const place = columns.findIndex(one => one.textContent.trim().startsWith('tick'));
      const shown = [...document.querySelectorAll('.aml-Grid-body .aml-Grid-row')]
        .map(row => parseFloat(row.querySelectorAll('.aml-Grid-cell')[place]?.textContent ?? '')).filter(x => !isNaN(x));
      if (shown.length) lags.push(Date.now() / 1000 - began - Math.max(...shown)); }
    if (now < until) requestAnimationFrame(step); else done({ gaps, long, lags });
  };
  requestAnimationFrame(step);
})
"""
WRITER = """
import sys, time
from jupyter_aml.store.connection import connect
from jupyter_aml.tracking.experiment import Experiment
from jupyter_aml.tracking.run import Run
from jupyter_aml.workspace import Workspace
url, began, seconds = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
experiment = Experiment(Workspace._of(connect(url)), 'live')
runs = [Run._create(experiment, name=f'live {at}') for at in range(50)]
while time.time() - began < seconds:
    for run in runs:
        run.log('loss', time.time() % 7)
        run.log('tick', time.time() - began)
    time.sleep(0.5)
for run in runs:
    run.complete()
"""
