# Two images from one file. `portal` is production: the portal with its locked packages, without test
# or demo code. `demo` is the simulated Azure.
#   docker build --target portal -t headroom .

FROM python:3.13-slim AS base
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# /state is made here with its owner: a new volume mounted over it takes that owner over.
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin headroom \
    && install -d -o headroom -g headroom /state
WORKDIR /app

FROM base AS demo
COPY requirements/demo.txt requirements/demo.txt
RUN pip install --require-hashes -r requirements/demo.txt
COPY simulator simulator
USER headroom
CMD ["python", "-m", "simulator", "--state", "/state"]

FROM base AS portal
COPY requirements.txt .
RUN pip install --require-hashes -r requirements.txt
COPY manage.py .
COPY portal portal
COPY quotas quotas
COPY showback showback
COPY templates templates
COPY static static
ENV HEADROOM_STATIC_ROOT=/app/static-collected
# Collecting static files reads the settings, but needs no database, broker or real key.
RUN HEADROOM_SECRET_KEY=used-only-while-the-image-is-built-never-to-run HEADROOM_ALLOWED_HOSTS=none \
    DATABASE_URL=postgresql://none@none/none REDIS_URL=redis://none:6379 \
    python manage.py collectstatic --noinput -v0
USER headroom
EXPOSE 8000
# Asked under the portal's own name, as any other is refused.
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 CMD ["python", "-c", "\
import os, urllib.request as web; \
name = os.environ['HEADROOM_ALLOWED_HOSTS'].split(',')[0].strip().lstrip('.'); \
web.urlopen(web.Request('http://127.0.0.1:8000/livez', headers={'Host': name}), timeout=4)"]
CMD ["python", "-m", "gunicorn", "portal.wsgi", "--bind", "0.0.0.0:8000", \
     "--preload", "--worker-class", "gthread", "--workers", "2", "--threads", "4", \
     "--worker-tmp-dir", "/dev/shm", "--no-control-socket"]
